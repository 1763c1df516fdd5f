//! The schema of a type, made once: the same object is published and enforced.

use std::{
    any::{TypeId, type_name},
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use jsonschema::{Draft, PatternOptions, Validator};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

use super::refusal::Refusals;
use crate::security::input::{TEXT, companion};

/// One entry a request type, so it is bounded by the code and may live for ever.
static RULES: LazyLock<RwLock<HashMap<TypeId, &'static Rules>>> = LazyLock::new(RwLock::default);

/// What a type demands: to be published, and compiled to be enforced.
pub(super) struct Rules {
    schema: Schema,
    validator: Validator,
}

/// The schema by which `Valid<T>` and `ValidQuery<T>` judge, for the OpenAPI document.
pub fn schema_of<T: JsonSchema + 'static>() -> &'static Schema {
    &Rules::of::<T>().schema
}

/// How schemas are made, here and in the OpenAPI document alike.
pub fn schema_settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None; // OpenAPI 3.1 names the dialect once, for the whole document
            settings.inline_subschemas = true;
        })
        .with_transform(RecursiveTransform(refuse_nul))
}

impl Rules {
    pub(super) fn of<T: JsonSchema + 'static>() -> &'static Self {
        let key = TypeId::of::<T>();
        if let Some(rules) = RULES.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return rules;
        }
        let rules = Box::leak(Box::new(Self::new::<T>()));
        // Two requests may both have made them. The first stay; both say the same.
        RULES.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(rules)
    }

    /// A schema that does not compile is a mistake in the code, and every test of its endpoint meets it: a panic, which
    /// the service answers as a 500, and not an error that somebody might ignore.
    fn new<T: JsonSchema>() -> Self {
        let mut schema = schema_settings().into_generator().into_root_schema_for::<T>();
        refuse_unknown_fields(&mut schema);
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            // By the draft a format is a remark. Here `uuid` and `date-time` are rules, as their readers expect.
            .should_validate_formats(true)
            // Linear time on any input; the other engine backtracks (CWE-1333).
            .with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema.as_value()).map_err(|error| error.to_string());
        let validator = validator.unwrap_or_else(|error| panic!("the schema of {}: {error}", type_name::<T>()));
        Self { schema, validator }
    }

    pub(super) fn judge(&self, value: &Value, refusals: &mut Refusals) {
        self.validator.iter_errors(value).for_each(|error| refusals.note_schema(&error));
    }
}

/// A text that Postgres cannot store must be a 400 on every route, also where nobody thought of it. A pattern of the
/// author's own stays; those of `security::input` bring their companion along.
fn refuse_nul(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let is_free_text = mentions(object, "string")
        && !["enum", "const", "format"]
            .iter()
            .any(|word| object.get(*word).is_some_and(|rule| rule != "password" && rule != "email" && rule != "uri"));
    if !is_free_text {
        return;
    }
    match object.get("pattern").and_then(Value::as_str) {
        None => drop(object.insert("pattern".to_owned(), TEXT.as_str().into())),
        Some(pattern) => {
            if let Some(pattern) = companion(pattern) {
                object.insert("allOf".to_owned(), json!([{ "pattern": pattern }]));
            }
        }
    }
}

fn mentions(object: &Map<String, Value>, name: &str) -> bool {
    match object.get("type") {
        Some(Value::Array(names)) => names.iter().any(|one| one == name),
        one => one.is_some_and(|one| one == name),
    }
}

/// For an `Option` that means "left out" and nothing else: `#[schemars(transform = no_null)]`. Otherwise a `null` would be
/// one more way to say nothing, and in a change it might as well mean "delete it".
pub fn no_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("default");
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(forms)) = object.get_mut("anyOf") {
        forms.retain(|form| form["type"] != "null");
        if let [Value::Object(only)] = &forms[..] {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

// ANCHOR: mass-assignment
/// Deny by default: a request type whose author forgot `deny_unknown_fields` refuses them nevertheless (OWASP API3).
/// `unevaluated`, for a flattened part's fields are known, although another schema names them.
fn refuse_unknown_fields(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let says = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| object.contains_key(*word));
    if mentions(object, "object") && !says {
        object.insert("unevaluatedProperties".to_owned(), false.into());
    }
}
// ANCHOR_END: mass-assignment
