//! Tags: the hash code brokers index by, and the subscription expression (Java `FilterAPI`).

use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// Java's `String.hashCode`: over UTF-16 code units, wrapping.
///
/// ```
/// assert_eq!(rocketmq_engine::wire::message::string_hash("TagA"), 2598919);
/// ```
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The tag's hash as a consume queue stores it: [`string_hash`] extended with its sign.
pub fn tag_code(tag: &str) -> i64 {
    i64::from(string_hash(tag))
}

/// The expression matches every message.
pub const SUB_ALL: &str = "*";
/// Expression type of tag subscriptions.
pub const EXPRESSION_TAG: &str = "TAG";
/// Expression type of SQL92 filters.
pub const EXPRESSION_SQL92: &str = "SQL92";

/// A subscription expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// Only separators: no tag is named.
    #[error("the expression {0:?} names no tag")]
    NoTags(String),
    /// A filter of another type than TAG needs a text.
    #[error("the expression of type {0} is empty")]
    Empty(String),
}

/// A subscription as `FilterAPI` builds it; its four members go into heartbeats and pull requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// The text as sent: `*` when everything is subscribed.
    pub sub_string: String,
    /// `TAG`, `SQL92`, or what the caller named.
    pub expression_type: String,
    /// Tags in their first order, without duplicates; empty for `*` and for other types than TAG.
    pub tags: Vec<String>,
    /// [`string_hash`] of each tag, in the same order, without duplicates.
    pub codes: Vec<i32>,
}

impl Expression {
    /// Everything of the topic.
    pub fn all() -> Expression {
        Expression {
            sub_string: SUB_ALL.into(),
            expression_type: EXPRESSION_TAG.into(),
            tags: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Parses `"TagA || TagB"`; empty text and `*` are everything (Java `FilterAPI.buildSubscriptionData`).
    pub fn tags(text: &str) -> Result<Expression, ExpressionError> {
        if text.is_empty() || text == SUB_ALL {
            return Ok(Expression::all());
        }
        // Java's split drops trailing empty pieces, so "||" has none at all.
        if text.split("||").all(str::is_empty) {
            return Err(ExpressionError::NoTags(text.into()));
        }
        let mut out = Expression { sub_string: text.into(), ..Expression::all() };
        for tag in text.split("||").map(java_trim).filter(|tag| !tag.is_empty()) {
            if out.tags.iter().any(|known| known == tag) {
                continue;
            }
            out.tags.push(tag.into());
            let code = string_hash(tag);
            if !out.codes.contains(&code) {
                out.codes.push(code);
            }
        }
        Ok(out)
    }

    /// An expression of a named type (Java `FilterAPI.build`): absent and `TAG` are tags, any other text is kept as it is.
    pub fn typed(text: &str, expression_type: Option<&str>) -> Result<Expression, ExpressionError> {
        match expression_type {
            None | Some(EXPRESSION_TAG) => Expression::tags(text),
            Some(other) if text.is_empty() => Err(ExpressionError::Empty(other.into())),
            Some(other) => Ok(Expression {
                sub_string: text.into(),
                expression_type: other.into(),
                tags: Vec::new(),
                codes: Vec::new(),
            }),
        }
    }

    /// Whether a message with this tag passes on the client side. Brokers compare hash codes only, so texts
    /// are compared here; an expression without tags lets everything pass (the broker has filtered it).
    pub fn matches(&self, tag: Option<&str>) -> bool {
        self.tags.is_empty() || tag.is_some_and(|tag| self.tags.iter().any(|wanted| wanted == tag))
    }
}

/// Java's `String.trim`: every character up to U+0020 goes.
fn java_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_alone_name_no_tag_but_are_accepted() {
        let expression = Expression::tags(" || ").unwrap();
        assert!(expression.tags.is_empty());
        assert_eq!(expression.sub_string, " || ");
    }

    #[test]
    fn equal_hashes_do_not_pass_for_equal_tags() {
        // "Aa" and "BB" have the same hash code.
        assert_eq!(string_hash("Aa"), string_hash("BB"));
        let expression = Expression::tags("Aa").unwrap();
        assert!(
            expression.matches(Some("Aa")) && !expression.matches(Some("BB")) && !expression.matches(None)
        );
        assert_eq!(Expression::tags("Aa||BB").unwrap().codes.len(), 1);
    }
}
