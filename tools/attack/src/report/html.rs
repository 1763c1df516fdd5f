//! A page that stands alone.

use super::Report;

impl Report {
    pub fn html(&self) -> String {
        String::new()
    }
}
