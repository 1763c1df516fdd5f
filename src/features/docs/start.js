// A file of its own: the page's policy admits no inline script.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  // Foreign validators would be sent the document's address; the policy refuses them anyway.
  validatorUrl: null,
});
