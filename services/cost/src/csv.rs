//! Comma-separated values that a spreadsheet reads as text and numbers, never as formulas.

/// Writes rows by RFC 4180.
#[derive(Debug, Default)]
pub struct Csv(String);

impl Csv {
    pub fn row<'a>(&mut self, fields: impl IntoIterator<Item = Field<'a>>) {
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            match field {
                Field::Text(text) => self.text(text),
                Field::Number(number) => self.0.push_str(&number),
            }
        }
        self.0.push_str("\r\n");
    }

    pub fn into_string(self) -> String {
        self.0
    }

    fn text(&mut self, text: &str) {
        // A tag's value is whatever somebody typed: `=HYPERLINK(…)` must not become a formula in finance's spreadsheet.
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        let safe = if is_formula { format!("'{text}") } else { text.to_owned() };
        if safe.contains(['"', ',', '\r', '\n']) {
            self.0.extend(["\"", &safe.replace('"', "\"\""), "\""]);
        } else {
            self.0.push_str(&safe);
        }
    }
}

#[derive(Debug)]
pub enum Field<'a> {
    Text(&'a str),
    /// Made by us, so that a negative amount stays a number.
    Number(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_text_and_a_credit_is_a_number() {
        let mut csv = Csv::default();
        csv.row([Field::Text("=1+1"), Field::Text("a,\"b\""), Field::Number("-0.50".into())]);
        csv.row([Field::Text("@x"), Field::Text("+1"), Field::Text("plain")]);
        assert_eq!(csv.into_string(), "'=1+1,\"a,\"\"b\"\"\",-0.50\r\n'@x,'+1,plain\r\n");
    }
}
