//! Form bodies and queries: `a[b][0]=1&c[]=2` becomes a tree, and handlers take what they know out of it.
//!
//! What nobody took is unknown, and refused as Stripe refuses it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{error::StripeError, multipart::Upload};
use crate::{
    json::{Map, Value},
    money::Currency,
};

pub(crate) type Metadata = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Hash(Vec<(String, Node)>),
}

/// The parameters of a request, or a hash inside of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    path: String,
    fields: Vec<(String, Node)>,
    files: Vec<(String, Upload)>,
}

/// What an update says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change<T> {
    Keep,
    Unset,
    Set(T),
}

impl<T> Change<T> {
    pub(crate) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Unset => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl Params {
    /// Reads one or more encoded texts (query, body) into one tree.
    pub(crate) fn parse(encoded: &[&[u8]]) -> Result<Self, StripeError> {
        let mut root = Vec::new();
        for text in encoded {
            for (key, value) in url::form_urlencoded::parse(text) {
                insert(&mut root, &split_key(&key)?, &value)?;
            }
        }
        Ok(Self { path: String::new(), fields: root, files: Vec::new() })
    }

    /// The same with the files that came along.
    pub(super) fn with_files(self, files: Vec<(String, Upload)>) -> Self {
        Self { files, ..self }
    }

    /// A file that was sent.
    pub(crate) fn file(&mut self, name: &str) -> Option<Upload> {
        let at = self.files.iter().position(|(key, _)| key == name)?;
        Some(self.files.remove(at).1)
    }

    /// The name of a parameter as Stripe's errors write it: `card[number]`.
    pub(crate) fn name_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.path) }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// The names of what nobody took yet.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.clone()).collect()
    }

    /// All that was sent, as Stripe's requirements call it: `individual.dob.day`.
    pub(crate) fn dotted(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, node) in &self.fields {
            flatten(key, node, &mut lines);
        }
        let dotted = |line: &String| {
            line.split('=').next().unwrap_or_default().replace("][", ".").replace('[', ".").replace(']', "")
        };
        lines.iter().map(dotted).collect()
    }

    fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.remove(at).1)
    }

    /// A text that may be left out; an empty one counts as left out.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, StripeError> {
        Ok(match self.change(name)? {
            Change::Set(text) => Some(text),
            Change::Keep | Change::Unset => None,
        })
    }

    /// A text of an update: left out keeps, empty unsets.
    pub(crate) fn change(&mut self, name: &str) -> Result<Change<String>, StripeError> {
        match self.take(name) {
            None => Ok(Change::Keep),
            Some(Node::Text(text)) if text.is_empty() => Ok(Change::Unset),
            Some(Node::Text(text)) => Ok(Change::Set(text)),
            Some(Node::Hash(_)) => {
                Err(StripeError::invalid("Invalid string: a hash was given", &self.name_of(name)))
            }
        }
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, StripeError> {
        let full = self.name_of(name);
        match self.change(name)? {
            Change::Set(text) => Ok(text),
            Change::Unset => Err(StripeError::empty(&full)),
            Change::Keep => Err(StripeError::missing(&full)),
        }
    }

    pub(crate) fn int(&mut self, name: &str) -> Result<Option<i64>, StripeError> {
        let full = self.name_of(name);
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            StripeError::invalid(format!("Invalid integer: {text}"), &full)
                .with_code("parameter_invalid_integer")
        })
    }

    /// A number of an update: nothing if left out, and nothing inside if unset.
    pub(crate) fn int_change(&mut self, name: &str) -> Result<Option<Option<i64>>, StripeError> {
        if !self.has(name) {
            return Ok(None);
        }
        self.int(name).map(Some)
    }

    pub(crate) fn required_int(&mut self, name: &str) -> Result<i64, StripeError> {
        let full = self.name_of(name);
        if matches!(self.fields.iter().find(|(key, _)| key == name), Some((_, Node::Text(text))) if text.is_empty())
        {
            return Err(StripeError::empty(&full));
        }
        self.int(name)?.ok_or_else(|| StripeError::missing(&full))
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, StripeError> {
        let full = self.name_of(name);
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(StripeError::invalid(format!("Invalid boolean: {other}"), &full)),
        }
    }

    /// A text that must be one of a few.
    pub(crate) fn choice(&mut self, name: &str, known: &[&str]) -> Result<Option<String>, StripeError> {
        let full = self.name_of(name);
        let Some(text) = self.text(name)? else { return Ok(None) };
        if known.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let message = format!("Invalid {full}: must be one of {}", known.join(", "));
        Err(StripeError::invalid(message, &full))
    }

    pub(crate) fn currency(&mut self, name: &str) -> Result<Option<Currency>, StripeError> {
        let full = self.name_of(name);
        let Some(code) = self.text(name)? else { return Ok(None) };
        Currency::parse(&code).map(Some).ok_or_else(|| {
            StripeError::invalid(format!("Invalid currency: {code}. Stripe does not support it."), &full)
        })
    }

    pub(crate) fn required_currency(&mut self, name: &str) -> Result<Currency, StripeError> {
        let full = self.name_of(name);
        self.currency(name)?.ok_or_else(|| StripeError::missing(&full))
    }

    /// A hash inside of these parameters.
    pub(crate) fn hash(&mut self, name: &str) -> Result<Option<Params>, StripeError> {
        let full = self.name_of(name);
        match self.take(name) {
            None => Ok(None),
            Some(Node::Hash(fields)) => Ok(Some(Self { path: full, fields, files: Vec::new() })),
            Some(Node::Text(text)) if text.is_empty() => Ok(None),
            Some(Node::Text(_)) => Err(StripeError::invalid("Invalid object", &full)),
        }
    }

    /// A list of hashes: `a[0][b]=1&a[1][b]=2`.
    pub(crate) fn hashes(&mut self, name: &str) -> Result<Option<Vec<Params>>, StripeError> {
        let Some(list) = self.hash(name)? else { return Ok(None) };
        let Params { path, fields, .. } = list;
        let one = |(index, node): (String, Node)| match node {
            Node::Hash(fields) => Ok(Params { path: format!("{path}[{index}]"), fields, files: Vec::new() }),
            Node::Text(_) => Err(StripeError::invalid("Invalid array", &path)),
        };
        fields.into_iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    /// A list of texts: `a[]=1&a[]=2` or `a[0]=1&a[1]=2`.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, StripeError> {
        let full = self.name_of(name);
        match self.take(name) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => Ok(Some(Vec::new())),
            Some(Node::Text(_)) => Err(StripeError::invalid("Invalid array", &full)),
            Some(Node::Hash(fields)) => fields
                .into_iter()
                .map(|(_, node)| match node {
                    Node::Text(text) => Ok(text),
                    Node::Hash(_) => Err(StripeError::invalid("Invalid array", &full)),
                })
                .collect::<Result<_, _>>()
                .map(Some),
        }
    }

    /// Merges `metadata` into what there is: an empty value removes its key, an empty `metadata` removes all.
    pub(crate) fn metadata(&mut self, current: &mut Metadata) -> Result<(), StripeError> {
        let full = self.name_of("metadata");
        let fields = match self.take("metadata") {
            None => return Ok(()),
            Some(Node::Text(text)) if text.is_empty() => {
                current.clear();
                return Ok(());
            }
            Some(Node::Text(_)) => return Err(StripeError::invalid("Invalid object", &full)),
            Some(Node::Hash(fields)) => fields,
        };
        for (key, node) in fields {
            match node {
                Node::Hash(_) => {
                    return Err(StripeError::invalid("Invalid string", &format!("{full}[{key}]")));
                }
                Node::Text(value) if value.is_empty() => drop(current.remove(&key)),
                Node::Text(value) => {
                    check_metadata(&full, &key, &value)?;
                    current.insert(key, value);
                }
            }
        }
        if current.len() > 50 {
            return Err(StripeError::invalid("Metadata cannot have more than 50 keys", &full));
        }
        Ok(())
    }

    /// Takes a hash as it is, for what is only kept and shown again (addresses, shipping).
    pub(crate) fn json(&mut self, name: &str) -> Option<Value> {
        self.take(name).map(to_json)
    }

    /// Takes parameters that Stripe knows and that change nothing here.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        self.fields.retain(|(key, _)| !names.contains(&key.as_str()));
    }

    /// Takes parameters out of others, as they are.
    pub(crate) fn take_over(&mut self, others: &mut Self, names: &[&str]) {
        for name in names {
            self.fields.extend(others.take(name).map(|node| ((*name).to_owned(), node)));
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), StripeError> {
        match self.fields.first().map(|(name, _)| name).or(self.files.first().map(|(name, _)| name)) {
            None => Ok(()),
            Some(name) => Err(StripeError::unknown(&self.name_of(name))),
        }
    }

    /// A canonical text of all that was sent, to recognise the same request again.
    pub(crate) fn fingerprint(&self) -> String {
        let mut lines = Vec::new();
        for (key, node) in &self.fields {
            flatten(key, node, &mut lines);
        }
        for (key, file) in &self.files {
            lines.push(format!("{key}={}", hex::encode(Sha256::digest(&file.bytes))));
        }
        lines.sort();
        lines.join("&")
    }
}

fn check_metadata(full: &str, key: &str, value: &str) -> Result<(), StripeError> {
    if key.chars().count() > 40 {
        return Err(StripeError::invalid("Metadata keys can have up to 40 characters", full));
    }
    if value.chars().count() > 500 {
        return Err(StripeError::invalid(
            "Metadata values can have up to 500 characters",
            &format!("{full}[{key}]"),
        ));
    }
    Ok(())
}

fn flatten(path: &str, node: &Node, lines: &mut Vec<String>) {
    match node {
        Node::Text(text) => lines.push(format!("{path}={text}")),
        Node::Hash(fields) => {
            for (key, node) in fields {
                flatten(&format!("{path}[{key}]"), node, lines);
            }
        }
    }
}

fn to_json(node: Node) -> Value {
    match node {
        Node::Text(text) if text.is_empty() => Value::Null,
        Node::Text(text) => Value::from(text),
        Node::Hash(fields) => {
            Value::Object(fields.into_iter().map(|(key, node)| (key, to_json(node))).collect::<Map>())
        }
    }
}

/// `a[b][]` -> `["a", "b", ""]`.
fn split_key(key: &str) -> Result<Vec<&str>, StripeError> {
    let bad = || StripeError::invalid(format!("Could not parse the parameter name {key}"), key);
    let (first, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    let mut parts = vec![first];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(bad)?;
        let (part, after) = inner.split_once(']').ok_or_else(bad)?;
        parts.push(part);
        rest = after;
    }
    if first.is_empty() || parts.len() > 8 { Err(bad()) } else { Ok(parts) }
}

fn insert(fields: &mut Vec<(String, Node)>, parts: &[&str], value: &str) -> Result<(), StripeError> {
    let [first, rest @ ..] = parts else { return Ok(()) };
    let key = if first.is_empty() { next_index(fields, rest) } else { (*first).to_owned() };
    let found = fields.iter().position(|(known, _)| *known == key);
    if rest.is_empty() {
        let node = Node::Text(value.to_owned());
        match found {
            Some(at) => fields[at].1 = node,
            None => fields.push((key, node)),
        }
        return Ok(());
    }
    let at = found.unwrap_or_else(|| {
        fields.push((key.clone(), Node::Hash(Vec::new())));
        fields.len() - 1
    });
    match &mut fields[at].1 {
        Node::Hash(inner) => insert(inner, rest, value),
        Node::Text(_) => Err(StripeError::invalid(format!("{key} is both a value and a hash"), &key)),
    }
}

/// `a[][x]=1&a[][y]=2` fills one element until a key comes again.
fn next_index(fields: &[(String, Node)], rest: &[&str]) -> String {
    if let (Some((last, Node::Hash(inner))), Some(next)) = (fields.last(), rest.first())
        && !inner.iter().any(|(key, _)| key == next)
    {
        return last.clone();
    }
    fields.len().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Params {
        Params::parse(&[text.as_bytes()]).unwrap()
    }

    #[test]
    fn nested_and_array_keys_become_a_tree() {
        let mut params = read("a[b][0]=x&a[b][1]=y&c[]=1&c[]=2&metadata[k]=v");
        assert_eq!(params.hash("a").unwrap().unwrap().texts("b").unwrap().unwrap(), ["x", "y"]);
        assert_eq!(params.texts("c").unwrap().unwrap(), ["1", "2"]);
        let mut metadata = Metadata::new();
        params.metadata(&mut metadata).unwrap();
        assert_eq!(metadata["k"], "v");
        params.finish().unwrap();
    }

    #[test]
    fn a_parameter_that_nobody_took_is_named() {
        let mut params = read("card[number]=1&card[colour]=red");
        let mut card = params.hash("card").unwrap().unwrap();
        card.text("number").unwrap();
        let error = card.finish().unwrap_err();
        assert_eq!(error.param(), Some("card[colour]"));
    }

    #[test]
    fn the_order_of_parameters_does_not_change_the_fingerprint() {
        assert_eq!(read("a=1&b[c]=2").fingerprint(), read("b[c]=2&a=1").fingerprint());
        assert_ne!(read("a=1").fingerprint(), read("a=2").fingerprint());
    }

    #[test]
    fn an_empty_metadata_value_removes_its_key() {
        let mut metadata =
            Metadata::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        read("metadata[a]=&metadata[c]=3").metadata(&mut metadata).unwrap();
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["b", "c"]);
    }
}
