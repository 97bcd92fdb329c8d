//! A tree over JSON text, for bodies.

use alloc::vec::Vec;

use super::{JsonError, JsonErrorKind, Lexer, Limits, Text, Token};

/// A JSON value that borrows its text, and where in it it begins. Values are equal that say the same, wherever they
/// stand.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    kind: Kind<'a>,
    at: u32,
}

/// What a [`Value`] is. Members keep their order; a key can be any value (fastjson's dialect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it stands.
    Number(&'a str),
    /// A string.
    String(Text<'a>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object; keys are strings, bare numbers, or objects.
    Object(Vec<(Value<'a>, Value<'a>)>),
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Value<'_> {}

impl<'a> Value<'a> {
    /// Reads a whole document and resolves its `$ref`s.
    ///
    /// ```
    /// use rocketmq_engine::wire::json::{Limits, Value};
    ///
    /// let text = br#"{"addrs":{0:"10.0.0.1:10911"},"table":{{"queueId":1}:5}}"#;
    /// let value = Value::parse(text, &Limits::default()).unwrap();
    /// let addresses = value.get("addrs").unwrap().members().unwrap();
    /// assert_eq!(addresses[0].0.to_i64(), Some(0));
    /// ```
    pub fn parse(text: &'a [u8], limits: &Limits) -> Result<Self, JsonError> {
        let mut lexer = Lexer::new(text)?;
        let mut parser = Parser { lexer: &mut lexer, limits, nodes: 0 };
        let value = parser.value(0)?;
        let left = limits.max_nodes - parser.nodes;
        lexer.end()?;
        value.resolved(left).map_err(|Spent| lexer.error(JsonErrorKind::Nodes { limit: limits.max_nodes }))
    }

    /// What it is.
    pub fn kind(&self) -> &Kind<'a> {
        &self.kind
    }

    /// Byte offset of its first byte, in what it was read from.
    pub fn at(&self) -> usize {
        self.at as usize
    }

    /// The member with this name; the last one, if there are several, as Java's library takes it.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let is_named = |key: &Value<'a>| matches!(&key.kind, Kind::String(text) if *text == *name);
        self.members()?.iter().rev().find(|(key, _)| is_named(key)).map(|(_, value)| value)
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(Value<'a>, Value<'a>)]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<&[Value<'a>]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string, number or word: what Java makes of it where a string is wanted.
    pub fn as_text(&self) -> Option<Text<'a>> {
        match &self.kind {
            Kind::String(text) => Some(*text),
            Kind::Number(raw) => Some(Text::plain(raw)),
            Kind::Bool(value) => Some(Text::plain(if *value { "true" } else { "false" })),
            _ => None,
        }
    }

    /// A whole number, also if it stands in quotes.
    pub fn to_i64(&self) -> Option<i64> {
        self.as_text()?.to_i64()
    }

    /// A truth value, also if it stands in quotes.
    pub fn to_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(value) => Some(*value),
            Kind::String(text) => Some(text.to_bool()),
            Kind::Number(raw) => Some(*raw != "0"),
            _ => None,
        }
    }

    /// True for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The path of `{"$ref":"path"}`.
    fn reference(&self) -> Option<Text<'a>> {
        match &self.kind {
            Kind::Object(members) => match &members[..] {
                [(key, path)] => match (&key.kind, &path.kind) {
                    (Kind::String(key), Kind::String(path)) if *key == *"$ref" => Some(*path),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

struct Parser<'p, 'a> {
    lexer: &'p mut Lexer<'a>,
    limits: &'p Limits,
    nodes: usize,
}

impl<'a> Parser<'_, 'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.nodes += 1;
        if self.nodes > self.limits.max_nodes {
            return Err(self.lexer.error(JsonErrorKind::Nodes { limit: self.limits.max_nodes }));
        }
        if depth > self.limits.max_depth {
            return Err(self.lexer.error(JsonErrorKind::Depth { limit: self.limits.max_depth }));
        }
        let token = self.lexer.peek()?;
        // What is too long for this is refused long before.
        let at = self.lexer.at() as u32;
        let kind = match token {
            Token::String => Kind::String(self.lexer.string()?),
            Token::Number => Kind::Number(self.lexer.number()?),
            Token::Word => match self.lexer.word()? {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                _ => Kind::Null,
            },
            Token::Array => self.array(depth)?,
            Token::Object => self.object(depth)?,
        };
        Ok(Value { kind, at })
    }

    fn array(&mut self, depth: usize) -> Result<Kind<'a>, JsonError> {
        self.lexer.expect(b'[', "[")?;
        let mut items = Vec::new();
        while !self.lexer.eat(b']') {
            items.push(self.value(depth + 1)?);
            if !self.lexer.eat(b',') {
                self.lexer.expect(b']', ", or ]")?;
                break;
            }
        }
        Ok(Kind::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Kind<'a>, JsonError> {
        self.lexer.expect(b'{', "{")?;
        let mut members = Vec::new();
        while !self.lexer.eat(b'}') {
            let key = self.value(depth + 1)?;
            self.lexer.expect(b':', ":")?;
            members.push((key, self.value(depth + 1)?));
            if !self.lexer.eat(b',') {
                self.lexer.expect(b'}', ", or }")?;
                break;
            }
        }
        Ok(Kind::Object(members))
    }
}

/// The document grew over its limit: following references costs values as writing them out would.
struct Spent;

impl Value<'_> {
    fn has_reference(&self) -> bool {
        self.reference().is_some()
            || match &self.kind {
                Kind::Array(items) => items.iter().any(Self::has_reference),
                Kind::Object(members) => members.iter().any(|(k, v)| k.has_reference() || v.has_reference()),
                _ => false,
            }
    }

    fn resolved(self, left: usize) -> Result<Self, Spent> {
        if !self.has_reference() {
            return Ok(self);
        }
        let mut resolved = self.clone();
        Resolver { root: &self, left }.replace(&mut resolved)?;
        Ok(resolved)
    }
}

/// Puts what they name in the place of references. Every value looked at on the way is paid for, so that a few bytes
/// cannot become much memory or much work.
struct Resolver<'r, 'a> {
    root: &'r Value<'a>,
    left: usize,
}

impl<'r, 'a> Resolver<'r, 'a> {
    fn spend(&mut self, count: usize) -> Result<(), Spent> {
        self.left = self.left.checked_sub(count).ok_or(Spent)?;
        Ok(())
    }

    fn replace(&mut self, value: &mut Value<'a>) -> Result<(), Spent> {
        if let Some(path) = value.reference() {
            let found = self.find(&path.as_str())?;
            // What a reference names was written in full before it, so it holds no reference of interest.
            value.kind = match found {
                Some(found) if self.is_whole(found)? => found.kind.clone(),
                _ => Kind::Null,
            };
            return Ok(());
        }
        match &mut value.kind {
            Kind::Array(items) => items.iter_mut().try_for_each(|item| self.replace(item)),
            Kind::Object(members) => members.iter_mut().try_for_each(|(key, value)| {
                self.replace(key)?;
                self.replace(value)
            }),
            _ => Ok(()),
        }
    }

    /// True if there is no reference in it.
    fn is_whole(&mut self, value: &Value<'a>) -> Result<bool, Spent> {
        self.spend(1)?;
        if value.reference().is_some() {
            return Ok(false);
        }
        for item in value.items().unwrap_or_default() {
            if !self.is_whole(item)? {
                return Ok(false);
            }
        }
        for (key, value) in value.members().unwrap_or_default() {
            if !self.is_whole(key)? || !self.is_whole(value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Follows a fastjson path: `$`, `.name`, `[index]`; a backslash escapes; `.null` is an object used as a key.
    fn find(&mut self, path: &str) -> Result<Option<&'r Value<'a>>, Spent> {
        let mut found = self.root;
        let Some(mut rest) = path.strip_prefix('$') else { return Ok(None) };
        while !rest.is_empty() {
            self.spend(1 + found.members().map_or(0, <[_]>::len))?;
            let Some((next, behind)) = step(found, rest) else { return Ok(None) };
            (found, rest) = (next, behind);
        }
        Ok(Some(found))
    }
}

/// One step of a path, and what is left of it.
fn step<'r, 'a, 'p>(from: &'r Value<'a>, path: &'p str) -> Option<(&'r Value<'a>, &'p str)> {
    if let Some(indexed) = path.strip_prefix('[') {
        let (index, behind) = indexed.split_once(']')?;
        return Some((from.items()?.get(index.parse::<usize>().ok()?)?, behind));
    }
    let named = path.strip_prefix('.')?;
    let mut name = alloc::string::String::new();
    let mut chars = named.char_indices();
    let mut end = named.len();
    while let Some((at, c)) = chars.next() {
        match c {
            '.' | '[' => {
                end = at;
                break;
            }
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            c => name.push(c),
        }
    }
    let members = from.members()?;
    let found = match from.get(&name) {
        Some(member) => member,
        None if name == "null" => &members.iter().find(|(key, _)| key.members().is_some())?.0,
        None => {
            let is_named = |key: &Value<'_>| key.as_text().is_some_and(|text| text == *name);
            &members.iter().find(|(key, _)| is_named(key))?.1
        }
    };
    Some((found, named.get(end..)?))
}
