//! The OpenAPI 3.1 document, read off the route table: a route that is not in it does not exist, and one that exists is
//! in it. What a handler takes and answers is said by the types of its arguments and of its answer.
//!
//! Why our own: schemars makes the schemas, and OpenAPI 3.1 is JSON around them. The crates that wrap both either want
//! every constraint written twice or were pre-releases; what is left after schemars fits in this folder.

mod document;
mod operation;

pub use document::document;
pub use operation::{Facts, Form, Input, Operation, Output};
