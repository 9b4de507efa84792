//! Answers that people open in a spreadsheet: the same content as JSON or as CSV (RFC 4180).

use poem::{
    IntoResponse, Response,
    http::{HeaderValue, header},
};
use poem_openapi::{
    ApiResponse, Enum,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};

use super::{problem::Problem, reply::to_bytes};

const CSV: &str = "text/csv";

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[oai(rename = "SheetFormat", rename_all = "snake_case")]
pub enum SheetFormat {
    /// `application/json`.
    #[default]
    Json,
    /// `text/csv` with a line of names first, in UTF-8.
    Csv,
}

/// An answer of either kind; its JSON is a `T`.
#[derive(Debug)]
pub enum Sheet<T> {
    /// As programs read it.
    Json(T),
    /// As people save it.
    Csv {
        /// The name of the file, without its ending; letters, digits, `_` and `-`.
        name: String,
        /// The file.
        bytes: Vec<u8>,
    },
}

impl<T> Sheet<T> {
    /// A CSV file of rows, the names first. What a spreadsheet would take for a formula can't stand in it: fields
    /// are times, amounts, ids and names of our own.
    pub fn csv<const COLUMNS: usize>(
        name: String,
        names: [&str; COLUMNS],
        rows: impl Iterator<Item = [String; COLUMNS]>,
    ) -> Result<Self, Problem> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(names).map_err(Problem::internal)?;
        for row in rows {
            writer.write_record(row).map_err(Problem::internal)?;
        }
        Ok(Self::Csv { name, bytes: writer.into_inner().map_err(Problem::internal)? })
    }
}

impl<T: ToJSON + Send> IntoResponse for Sheet<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => Response::builder().content_type("application/json").body(to_bytes(&value)),
            Self::Csv { name, bytes } => {
                let mut response =
                    Response::builder().content_type("text/csv; charset=utf-8; header=present").body(bytes);
                let disposition = format!("attachment; filename=\"{name}.csv\"");
                if let Ok(disposition) = HeaderValue::from_str(&disposition) {
                    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
                }
                response
            }
        }
    }
}

impl<T: Type> ApiResponse for Sheet<T> {
    fn meta() -> MetaResponses {
        let json = MetaMediaType { content_type: "application/json", schema: T::schema_ref() };
        let text: MetaSchemaRef = String::schema_ref();
        MetaResponses {
            responses: vec![MetaResponse {
                description: "As JSON, or as CSV if `format` says so.",
                status: Some(200),
                status_range: None,
                content: vec![json, MetaMediaType { content_type: CSV, schema: text }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_a_comma_is_quoted_and_lines_end_as_rfc_4180_says() {
        let rows = [["a,b".to_owned(), "say \"x\"".to_owned()]];
        let sheet = Sheet::<String>::csv("x".to_owned(), ["one", "two"], rows.into_iter()).unwrap();
        let Sheet::Csv { bytes, .. } = sheet else { panic!("not CSV") };
        assert_eq!(String::from_utf8(bytes).unwrap(), "one,two\r\n\"a,b\",\"say \"\"x\"\"\"\r\n");
    }
}
