//! From what a validator says to what a client is told: field, rule and a sentence fixed in advance. Both validators
//! hold the refused value in their errors, so nothing of theirs is printed, here or in a log (ASVS 16.2.5).

use std::borrow::Cow;

use jsonschema::{
    ValidationError,
    error::ValidationErrorKind as Kind,
    paths::{Location, LocationSegment},
};
use validator::{ValidationErrors, ValidationErrorsKind};

use crate::{
    error::{Error, FieldError, Result},
    security::input::{EMAIL, NAME, companion},
};

/// A body of 64 KiB could be wrong in thousands of places.
const MOST_FIELDS: usize = 20;
/// The names of unknown fields are the client's own; they come back no longer than this.
const LONGEST_NAME: usize = 64;

/// Everything that is wrong with one input.
#[derive(Default)]
pub(super) struct Refusals(Vec<FieldError>);

impl Refusals {
    pub(super) fn note(&mut self, field: &str, rule: &'static str, message: &'static str) {
        let field: String = field.chars().take(LONGEST_NAME).collect();
        // A value of the wrong type is also none of the allowed ones, which is no news. Two rules are told where they
        // say different things: too short, and with a character that may not be.
        let is_told = self.0.iter().any(|told| told.field == field && (told.rule == rule || told.rule == "type"));
        if !is_told && self.0.len() < MOST_FIELDS {
            self.0.push(FieldError { field, rule, message });
        }
    }

    pub(super) fn note_schema(&mut self, error: &ValidationError<'_>) {
        let path = error.instance_path();
        match error.kind() {
            // What is missing or unknown is found in the object around it, and named below that object's path.
            Kind::Required { property } => {
                self.note(&below(path, property.as_str().unwrap_or_default()), "required", "is required");
            }
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    self.note(&below(path, name), "unknown", "is not a field of this request");
                }
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.note_nearest(path, context),
            kind => {
                let (rule, message) = in_words(kind);
                self.note(&dotted(path), rule, message);
            }
        }
    }

    /// Of several forms that a value may have (an enum or null, one of several objects), the one that was meant is the
    /// one whose type it has and that finds the least wrong with it.
    fn note_nearest(&mut self, path: &Location, forms: &[Vec<ValidationError<'_>>]) {
        let is_another_type =
            |error: &ValidationError<'_>| matches!(error.kind(), Kind::Type { .. }) && error.instance_path() == path;
        let nearest = forms.iter().filter(|form| !form.iter().any(is_another_type)).min_by_key(|form| form.len());
        match nearest {
            Some(form) => form.iter().for_each(|error| self.note_schema(error)),
            None => self.note(&dotted(path), "type", "has the wrong type"),
        }
    }

    /// `validator` goes by Rust's names of fields, which are those of the wire as long as nothing is renamed; a renamed
    /// field's rules are the schema's affair, which comes first.
    pub(super) fn note_validator(&mut self, path: &str, errors: &ValidationErrors) {
        for (name, kind) in errors.errors() {
            let path = joined(path, name);
            match kind {
                ValidationErrorsKind::Struct(inner) => self.note_validator(&path, inner),
                ValidationErrorsKind::List(items) => {
                    for (index, inner) in items {
                        self.note_validator(&joined(&path, &index.to_string()), inner);
                    }
                }
                ValidationErrorsKind::Field(broken) => {
                    for error in broken {
                        self.note(&path, fixed(&error.code, "invalid"), sentence(error.message.as_ref()));
                    }
                }
            }
        }
    }

    /// In the order of the names, so that the same body gets the same answer.
    pub(super) fn into_result(self) -> Result<()> {
        let Self(mut fields) = self;
        if fields.is_empty() {
            return Ok(());
        }
        fields.sort_by(|one, other| (&one.field, one.rule).cmp(&(&other.field, other.rule)));
        Err(Error::Invalid(fields))
    }
}

fn dotted(path: &Location) -> String {
    path.segments().fold(String::new(), |path, segment| match segment {
        LocationSegment::Property(name) => joined(&path, &name),
        LocationSegment::Index(index) => joined(&path, &index.to_string()),
    })
}

fn below(path: &Location, name: &str) -> String {
    joined(&dotted(path), name)
}

/// A type that is one value in JSON (a password) reports under no name: the field's own is enough.
fn joined(path: &str, name: &str) -> String {
    match (path, name) {
        ("", alone) | (alone, "") => alone.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

/// Only what was fixed at compile time is repeated; a text made at run time may hold the value.
#[expect(clippy::ptr_arg, reason = "whether it is borrowed is the question")]
fn fixed(text: &Cow<'static, str>, otherwise: &'static str) -> &'static str {
    if let Cow::Borrowed(text) = text { text } else { otherwise }
}

fn sentence(message: Option<&Cow<'static, str>>) -> &'static str {
    message.map_or("is not valid", |message| fixed(message, "is not valid"))
}

/// The names are this service's own and not JSON Schema's keywords: a client branches on them, and they outlive the
/// library that finds the mistake.
fn in_words(kind: &Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Type { .. } => ("type", "has the wrong type"),
        Kind::MinLength { .. } => ("min_length", "is too short"),
        Kind::MaxLength { .. } => ("max_length", "is too long"),
        Kind::Enum { .. } | Kind::Constant { .. } => ("enum", "is not one of the allowed values"),
        Kind::Minimum { .. } | Kind::ExclusiveMinimum { .. } => ("minimum", "is too small"),
        Kind::Maximum { .. } | Kind::ExclusiveMaximum { .. } => ("maximum", "is too large"),
        Kind::MinItems { .. } => ("min_items", "has too few items"),
        Kind::MaxItems { .. } => ("max_items", "has too many items"),
        Kind::UniqueItems => ("unique", "has the same item twice"),
        Kind::MinProperties { .. } => ("min_properties", "has too few fields"),
        Kind::MaxProperties { .. } => ("max_properties", "has too many fields"),
        Kind::Pattern { pattern } => pattern_in_words(pattern),
        Kind::Format { format } => format_in_words(format),
        // What no schema of this service says yet. It is refused all the same, only less well explained.
        _ => ("invalid", "is not valid"),
    }
}

/// A regular expression helps nobody who filled in a form, so the patterns of the house are told by what they mean.
fn pattern_in_words(pattern: &str) -> (&'static str, &'static str) {
    let is = |rule: &str| pattern == rule || Some(pattern) == companion(rule);
    if is(EMAIL.as_str()) {
        ("email", "is not an e-mail address")
    } else if is(NAME.as_str()) {
        ("pattern", "has no letter or digit, or a character that is not shown")
    } else {
        ("pattern", "has a form or a character that is not allowed")
    }
}

fn format_in_words(format: &str) -> (&'static str, &'static str) {
    match format {
        "uuid" => ("uuid", "is not a UUID"),
        "date-time" => ("date_time", "is not an RFC 3339 time"),
        "email" => ("email", "is not an e-mail address"),
        _ => ("format", "has the wrong format"),
    }
}
