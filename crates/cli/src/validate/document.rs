//! A template's text as a tree in which everything knows its line, and short and long forms of a function are the same.
//!
//! Made from the parser's events and not from its own tree, which writes every alias out: a few lines of aliases of aliases would take
//! all memory. Here an alias shares what it stands for, and what it would be written out is counted.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::finding::{Position, Severity};
use super::scalar::plain;

/// How deep a template may be, and how large when all aliases are written out, in bytes of which each value takes a few.
const MAX_DEPTH: usize = 100;
const MAX_SIZE: usize = 16_000_000;

/// What a value takes beside its text.
const VALUE: usize = 16;

/// A value and where it is.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) at: Position,
    /// What it is.
    pub(super) kind: Kind,
    depth: usize,
    size: usize,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing, which CloudFormation refuses.
    Null,
    /// Every scalar: that is how it arrives.
    Text(String),
    /// A list.
    List(Vec<Rc<Node>>),
    /// A map, in the author's order, each name once.
    Map(Vec<Member>),
    /// A function, by its long name, and what it is called with.
    Call(String, Rc<Node>),
}

/// One entry of a map.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its name.
    pub(super) name: String,
    /// Where the name is.
    pub(super) at: Position,
    /// Its value.
    pub(super) value: Rc<Node>,
}

impl Node {
    fn new(at: Position, kind: Kind) -> Self {
        let (mut depth, mut size) = (0, VALUE);
        let mut count = |child: &Node| {
            depth = depth.max(child.depth);
            size = size.saturating_add(child.size);
        };
        match &kind {
            Kind::Null => {}
            Kind::Text(text) => size += text.len(),
            Kind::List(items) => items.iter().for_each(|item| count(item)),
            Kind::Map(members) => {
                members.iter().for_each(|member| count(&member.value));
                size = size.saturating_add(members.iter().map(|member| member.name.len()).sum());
            }
            Kind::Call(_, argument) => count(argument),
        }
        Self { at, kind, depth: depth + 1, size }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// The entries, if it is a map.
    pub(super) fn members(&self) -> &[Member] {
        if let Kind::Map(members) = &self.kind { members } else { &[] }
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> &[Rc<Node>] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// The entry of a map.
    pub(super) fn get(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.name == name)
    }
}

/// A document that was read, and what there is to say about its form.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Its root; `None` where it can't be read, or there is none.
    pub(super) root: Option<Rc<Node>>,
    /// What is wrong with its form.
    pub(super) notes: Vec<(Position, Severity, String)>,
    /// Values that are not what they look like.
    pub(super) surprises: BTreeMap<Position, String>,
}

/// Reads a template.
pub(super) fn load(text: &str) -> Document {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader::default();
    let read = if text.trim_start().starts_with('{') {
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => loader.events(&as_yaml(text)),
            Err(error) => {
                let at = Position { line: error.line(), column: error.column().max(1) };
                let text = error.to_string();
                let text = text.split(" at line ").next().unwrap_or_default();
                Err((
                    at,
                    format!(
                        "not well-formed JSON, as which CloudFormation reads what begins with {{: {text}"
                    ),
                ))
            }
        }
    } else {
        loader.events(text)
    };
    let mut document = loader.document;
    if let Err((at, text)) = read {
        document.root = None;
        document.notes.push((at, Severity::Error, text));
    }
    document
}

/// JSON as the YAML that it nearly is: without tabs between values, and with characters outside of the basic plane in one piece.
fn as_yaml(json: &str) -> String {
    let (mut out, mut quoted) = (String::with_capacity(json.len()), false);
    let mut rest = json.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => quoted = !quoted,
            '\t' if !quoted => {
                out.push(' ');
                continue;
            }
            '\\' if quoted => {
                if let Some(pair) = json.get(at..at + 12).and_then(surrogates) {
                    out.push_str(&format!("\\U{:08X}", u32::from(pair)));
                    rest.nth(10);
                } else {
                    out.push('\\');
                    out.extend(rest.next().map(|(_, escaped)| escaped));
                }
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

/// The character of two escapes, as JSON writes what needs two units of UTF-16.
fn surrogates(text: &str) -> Option<char> {
    let (high, low) = text.strip_prefix("\\u")?.split_once("\\u")?;
    let unit = |text: &str| u16::from_str_radix(text, 16).ok().filter(|_| text.len() == 4);
    char::decode_utf16([unit(high)?, unit(low)?]).next()?.ok()
}

type Broken = (Position, String);

/// What was begun and is not finished: a list or a map.
struct Open {
    at: Position,
    anchor: usize,
    tag: Option<String>,
    what: Half,
}

enum Half {
    List(Vec<Rc<Node>>),
    Map(Vec<Member>, Option<(String, Position)>),
}

#[derive(Default)]
struct Loader {
    document: Document,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    aliased: bool,
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The long name of a short function: `!Ref` is `Ref`, `!Sub` is `Fn::Sub`. `None` for YAML's own tags.
fn call_of(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| tag.handle == "!" && !tag.suffix.is_empty())?;
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

impl Loader {
    fn events(&mut self, text: &str) -> Result<(), Broken> {
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                (position(error.marker()), format!("not well-formed YAML: {}", error.info()))
            })?;
            let at = position(&span.start);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let text = "a second document begins here; a template is one".to_owned();
                        self.document.notes.push((at, Severity::Error, text));
                        return Ok(());
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let typed = tag.is_none() && style == ScalarStyle::Plain;
                    let kind = if typed { self.plain(&text, at) } else { Kind::Text(text.into_owned()) };
                    self.finish(at, anchor, call_of(tag.as_deref()), kind)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.begin(at, anchor, call_of(tag.as_deref()), Half::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.begin(at, anchor, call_of(tag.as_deref()), Half::Map(Vec::new(), None))?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(Open { at, anchor, tag, what }) = self.open.pop() {
                        let kind = match what {
                            Half::List(items) => Kind::List(items),
                            Half::Map(members, _) => self.map(members),
                        };
                        self.finish(at, anchor, tag, kind)?;
                    }
                }
                Event::Alias(anchor) => {
                    if !self.aliased {
                        self.aliased = true;
                        let text = "CloudFormation refuses YAML aliases; `aws cloudformation package` writes them out";
                        self.document.notes.push((at, Severity::Warning, text.to_owned()));
                    }
                    let node = self.anchors.get(&anchor).cloned();
                    self.place(
                        node.ok_or_else(|| (at, "an alias inside of what it stands for".to_owned()))?,
                        at,
                    )?;
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn plain(&mut self, raw: &str, at: Position) -> Kind {
        let read = plain(raw);
        if let (Some(text), Some(surprise)) = (&read.text, read.surprise) {
            let text =
                format!("{raw} without quotes is {surprise}, and arrives as {text:?}; quote what is meant");
            self.document.surprises.insert(at, text);
        }
        read.text.map_or(Kind::Null, Kind::Text)
    }

    fn begin(&mut self, at: Position, anchor: usize, tag: Option<String>, what: Half) -> Result<(), Broken> {
        if self.open.len() >= MAX_DEPTH {
            return Err((at, format!("more than {MAX_DEPTH} levels deep")));
        }
        // A map or a list can't be the name of anything.
        if let Some(Open { what: Half::Map(_, None), .. }) = self.open.last() {
            return Err((at, "the names in a map are texts".to_owned()));
        }
        self.open.push(Open { at, anchor, tag, what });
        Ok(())
    }

    fn finish(&mut self, at: Position, anchor: usize, tag: Option<String>, kind: Kind) -> Result<(), Broken> {
        let mut node = Rc::new(Node::new(at, kind));
        if let Some(name) = tag {
            node = Rc::new(Node::new(at, call(name, &node)));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(node, at)
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Rc<Node>, at: Position) -> Result<(), Broken> {
        if node.size > MAX_SIZE || node.depth > MAX_DEPTH {
            let text = format!(
                "with its aliases written out this is too large, or more than {MAX_DEPTH} levels deep"
            );
            return Err((at, text));
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.document.root = Some(node),
            Some(Half::List(items)) => items.push(node),
            Some(Half::Map(members, name)) => match name.take() {
                Some((name, at)) => {
                    if let Some(twice) = members.iter().position(|member| member.name == name) {
                        let text = format!("{name:?} is there twice in one map");
                        self.document.notes.push((at, Severity::Error, text));
                        members.remove(twice);
                    }
                    members.push(Member { name, at, value: node });
                }
                None => match &node.kind {
                    Kind::Text(text) => *name = Some((text.clone(), at)),
                    _ => return Err((at, "the names in a map are texts".to_owned())),
                },
            },
        }
        Ok(())
    }

    /// A finished map: a function in its long form, or a map with what is merged into it.
    fn map(&mut self, mut members: Vec<Member>) -> Kind {
        if let Some(at) = members.iter().position(|member| member.name == "<<") {
            let merge = members.remove(at);
            let text = "CloudFormation knows no merge keys (<<)".to_owned();
            self.document.notes.push((merge.at, Severity::Warning, text));
            let sources = match &merge.value.kind {
                Kind::List(items) => items.clone(),
                _ => vec![Rc::clone(&merge.value)],
            };
            for member in sources.iter().flat_map(|source| source.members()) {
                if members.iter().all(|own| own.name != member.name) {
                    members.push(member.clone());
                }
            }
        }
        match members.as_slice() {
            [only] if only.name == "Ref" || only.name.starts_with("Fn::") => {
                call(only.name.clone(), &only.value)
            }
            _ => Kind::Map(members),
        }
    }
}

/// A function's call; `A.B` of `Fn::GetAtt` is the list of both.
fn call(name: String, argument: &Rc<Node>) -> Kind {
    let parts = argument.text().filter(|_| name == "Fn::GetAtt").and_then(|text| text.split_once('.'));
    let argument = match parts {
        Some((resource, attribute)) => {
            let text = |text: &str| Rc::new(Node::new(argument.at, Kind::Text(text.to_owned())));
            Rc::new(Node::new(argument.at, Kind::List(vec![text(resource), text(attribute)])))
        }
        None => Rc::clone(argument),
    };
    Kind::Call(name, argument)
}
