"""What no schema says of deploy/kubernetes: that every pod is locked, and that what the files name is there."""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
NOTICE, DRAIN = 1, 30  # seconds: src/cli/serve.rs, src/security/transport.rs
found = []


def rule(holds, sentence):
    if not holds:
        found.append(sentence)


def locked(name, pod):
    rule(pod["automountServiceAccountToken"] is False, f"{name} has a key to the cluster")
    rule(pod["securityContext"]["runAsNonRoot"] is True, f"{name} may be root")
    rule(pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name} may make every system call")
    for container in pod["containers"]:
        security = container["securityContext"]
        rule(security["allowPrivilegeEscalation"] is False, f"{name} may gain rights")
        rule(security["readOnlyRootFilesystem"] is True, f"{name} may write to its image")
        rule(security["capabilities"] == {"drop": ["ALL"]}, f"{name} has capabilities")
        rule({"cpu", "memory"} <= container["resources"]["requests"].keys(), f"{name} asks for no resources")
        rule("memory" in container["resources"]["limits"], f"{name} may take all memory")


def named(name, pod, documents, chapter):
    """Volumes, Secrets and ConfigMaps, each of which is in a file or, with its making, in the chapter."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = [mount for container in pod["containers"] for mount in container["volumeMounts"]]
    rule({mount["name"] for mount in mounts} == volumes.keys(), f"{name}: volumes and mounts differ")
    sources = [source for container in pod["containers"] for source in container["envFrom"]]
    secrets = [source["secretRef"]["name"] for source in sources if "secretRef" in source]
    secrets += [volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume]
    for secret in secrets:
        rule(re.search(rf"kubectl .*create secret \w+ {secret} ", chapter), f"no chapter says how {secret} is made")
    for mode in [volume["secret"].get("defaultMode") for volume in volumes.values() if "secret" in volume]:
        rule(mode == 0o440, f"{name}: a secret's files are open to others, and the service refuses them")
    settings = documents["ConfigMap", "drawbridge"]["data"]
    example = (ROOT / ".env.example").read_text()
    for setting, value in settings.items():
        rule(re.search(rf"^(# )?{setting}=", example, re.MULTILINE), f"{setting} is no setting")
        path = value.removeprefix("file:")
        inside = [path == mount["mountPath"] or path.startswith(mount["mountPath"] + "/") for mount in mounts]
        rule(name == "migrate" or not path.startswith("/") or any(inside), f"{setting}: nothing is mounted there")


def main():
    files = {file.name: list(yaml.safe_load_all(file.read_text())) for file in FOLDER.glob("*.yaml")}
    listed = files.pop("kustomization.yaml")[0]["resources"]
    rule(sorted(listed) == sorted(files), "kustomization.yaml lists other files than there are")
    documents = {(each["kind"], each["metadata"]["name"]): each for all in files.values() for each in all}
    chapter = (ROOT / "docs/deploying.md").read_text()

    templates = {each["metadata"]["name"]: each["spec"]["template"] for each in documents.values() if "template" in each.get("spec", {})}
    for template in templates.values():
        locked(template["spec"]["containers"][0]["name"], template["spec"])
        named(template["spec"]["containers"][0]["name"], template["spec"], documents, chapter)

    service = templates["drawbridge"]
    container = service["spec"]["containers"][0]
    stop = container["lifecycle"]["preStop"]["sleep"]["seconds"] + NOTICE + DRAIN
    rule(service["spec"]["terminationGracePeriodSeconds"] > stop, f"it is killed before its {stop} s of stopping are over")
    ports = {port["name"] for port in container["ports"]}
    policies = [each["spec"] for (kind, _), each in documents.items() if kind == "NetworkPolicy"]
    asked = [port["port"] for policy in policies for entry in policy.get("ingress", []) for port in entry["ports"]]
    asked += [port["targetPort"] for port in documents["Service", "drawbridge"]["spec"]["ports"]]
    asked += [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    rule(set(asked) <= ports, f"a port that the pod does not name: {set(asked) - ports}")
    rule({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies, "what no policy names is admitted")

    labels = [template["metadata"]["labels"] for template in templates.values()]
    for kind, key in [("Deployment", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"), ("Service", "selector")]:
        for each in (each for (found_kind, _), each in documents.items() if found_kind == kind):
            selector = each["spec"][key]
            wanted = selector.get("matchLabels", {}) if kind != "Service" else selector
            wanted = [wanted] + [{entry["key"]: value} for entry in selector.get("matchExpressions", []) for value in entry["values"]]
            for wants in wanted:
                rule(any(wants.items() <= have.items() for have in labels), f"{kind} {each['metadata']['name']} selects nothing")


main()
for sentence in found:
    print(f"deploy/kubernetes: {sentence}", file=sys.stderr)
sys.exit(bool(found))
