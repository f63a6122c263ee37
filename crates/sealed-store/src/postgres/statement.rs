//! SQL with its values.

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

/// One value of a statement. There are no texts: nothing that a visitor sends is ever part of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `BIGINT`.
    Number(i64),
    /// `BIGINT`, or `NULL`.
    Optional(Option<i64>),
    /// `BOOLEAN`.
    Boolean(bool),
    /// `BYTEA`.
    Bytes(Cow<'a, [u8]>),
    /// `BIGINT[]`.
    Numbers(Vec<i64>),
    /// `BYTEA[]`.
    ByteStrings(Vec<Cow<'a, [u8]>>),
}

/// A statement with its values, which it calls `$1`, `$2` and so on.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    sql: Cow<'static, str>,
    values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    /// A statement without values yet. A `$` in it stands for a value and nothing else.
    #[must_use]
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// The same with its next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// For a prepared statement.
    pub(super) fn query(self) -> Query<'static, Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Number(number) => query.bind(number),
                Value::Optional(number) => query.bind(number),
                Value::Boolean(is) => query.bind(is),
                Value::Bytes(bytes) => query.bind(bytes.into_owned()),
                Value::Numbers(numbers) => query.bind(numbers),
                Value::ByteStrings(all) => {
                    query.bind(all.into_iter().map(Cow::into_owned).collect::<Vec<_>>())
                }
            })
    }

    /// As text with the values in it, after `head`: one message, whatever it takes to set up. Numbers and hexadecimal digits are all
    /// that the values can become, so none can end where it should not.
    pub(super) fn text(&self, head: &str) -> String {
        let mut text = String::with_capacity(head.len() + self.sql.len() + self.size());
        text.push_str(head);
        let mut parts = self.sql.split('$');
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|digit: char| !digit.is_ascii_digit());
            let (number, after) = part.split_at(end.unwrap_or(part.len()));
            let index = number.parse::<usize>().ok();
            match index.and_then(|number| self.values.get(number.checked_sub(1)?)) {
                Some(value) => value.write(&mut text),
                // PostgreSQL says that there is no such parameter.
                None => {
                    let _ = write!(text, "${number}");
                }
            }
            text.push_str(after);
        }
        text
    }

    /// About how long the values are as text.
    fn size(&self) -> usize {
        let bytes = |bytes: &Cow<'_, [u8]>| 2 * bytes.len() + 24;
        let sizes = self.values.iter().map(|value| match value {
            Value::Bytes(one) => bytes(one),
            Value::ByteStrings(all) => all.iter().map(bytes).sum(),
            Value::Numbers(numbers) => 20 * numbers.len(),
            Value::Number(_) | Value::Optional(_) | Value::Boolean(_) => 20,
        });
        sizes.sum::<usize>() + 64
    }
}

impl Value<'_> {
    /// Each with its type: what is written without one might be taken for another, such as for `INTEGER`.
    fn write(&self, text: &mut String) {
        // Writing to a string does not fail.
        let _ = match self {
            Self::Number(number) | Self::Optional(Some(number)) => {
                // In parentheses, because `-1::bigint` is `-(1::bigint)`, which the smallest number has no room for.
                write!(text, "('{number}'::bigint)")
            }
            Self::Optional(None) => write!(text, "NULL::bigint"),
            Self::Boolean(is) => write!(text, "{is}"),
            Self::Bytes(bytes) => {
                write_bytes(text, bytes);
                Ok(())
            }
            Self::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                write!(text, "'{{{}}}'::bigint[]", numbers.join(","))
            }
            Self::ByteStrings(all) => {
                text.push_str("ARRAY[");
                for (index, bytes) in all.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_bytes(text, bytes);
                }
                write!(text, "]::bytea[]")
            }
        };
    }
}

/// Without a backslash, whose meaning depends on `standard_conforming_strings`.
fn write_bytes(text: &mut String, bytes: &[u8]) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    text.push_str("decode('");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push_str("','hex')");
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Optional(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(is: bool) -> Self {
        Self::Boolean(is)
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<i64>> for Value<'_> {
    fn from(numbers: Vec<i64>) -> Self {
        Self::Numbers(numbers)
    }
}

impl<'a> From<Vec<&'a [u8]>> for Value<'a> {
    fn from(all: Vec<&'a [u8]>) -> Self {
        Self::ByteStrings(all.into_iter().map(Cow::Borrowed).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_written_with_their_types() {
        let statement = Statement::new("SELECT $1, $2, $3, $4, $12, $10")
            .bind(7)
            .bind(Some(i64::MIN))
            .bind(None)
            .bind(true)
            .bind(vec![0_u8, 0xab])
            .bind(vec![1_i64, -2])
            .bind(vec![&[1_u8][..], &[]])
            .bind(8)
            .bind(9)
            .bind(vec![&[2_u8][..]]);
        assert_eq!(
            statement.text("SET a; "),
            "SET a; SELECT ('7'::bigint), ('-9223372036854775808'::bigint), NULL::bigint, true, $12, \
             ARRAY[decode('02','hex')]::bytea[]"
        );
        let rest = Statement::new("$1 $2 $3")
            .bind(vec![0_u8, 0xab])
            .bind(vec![1_i64, -2])
            .bind(vec![&[1_u8][..], &[]]);
        assert_eq!(
            rest.text(""),
            "decode('00ab','hex') '{1,-2}'::bigint[] ARRAY[decode('01','hex'),decode('','hex')]::bytea[]"
        );
    }

    proptest! {
        #[test]
        fn no_value_can_leave_its_quotes(bytes: Vec<u8>, number: i64) {
            let text = Statement::new("$1|$2").bind(bytes.clone()).bind(number).text("");
            let (first, second) = text.split_once('|').unwrap();
            let digits = first.strip_prefix("decode('").unwrap().strip_suffix("','hex')").unwrap();
            prop_assert_eq!(digits.len(), 2 * bytes.len());
            prop_assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            prop_assert_eq!(second, format!("('{number}'::bigint)"));
        }
    }
}
