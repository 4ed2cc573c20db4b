//! How far the references in an SVG document multiply it: a pattern whose shapes are filled with another pattern, and so on, is
//! a tree that a parser walks along all of its branches. A few lines can stand for more shapes than can ever be counted, or for a
//! chain on which a recursion has no end.

use resvg::usvg::roxmltree::{Document, Node};
use rustc_hash::FxHashMap;
use thiserror::Error;

/// How many elements a document may stand for, if each reference is what it refers to.
const ELEMENTS_LIMIT: u64 = 10_000_000;

/// How deep elements and references may lie within each other.
const DEPTH_LIMIT: usize = 1024;

/// Why a document is not parsed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum TooFar {
    /// It stands for too many elements.
    #[error("it stands for more than {ELEMENTS_LIMIT} elements")]
    Elements,
    /// It goes too deep.
    #[error("its elements and references go deeper than {DEPTH_LIMIT}")]
    Depth,
}

/// Looks at what `document` stands for.
///
/// # Errors
/// What there is too much of.
pub(super) fn check(document: &Document<'_>) -> Result<(), TooFar> {
    let graph = edges(document)?;
    let mut extents: Vec<Extent> = vec![Extent::Unknown; graph.len()];
    // Depth first, without recursion: the element and how many of its edges were followed.
    let mut path: Vec<(usize, usize)> = Vec::new();
    if !graph.is_empty() {
        path.push((0, 0));
    }
    while let Some((element, followed)) = path.last_mut() {
        let (element, edges) = (*element, graph.get(*element));
        let edges = edges.map_or(&[][..], Vec::as_slice);
        if let Some(next) = edges.get(*followed) {
            *followed += 1;
            // NB: a circle is not followed by the parser either.
            if let Some(extent @ Extent::Unknown) = extents.get_mut(*next) {
                *extent = Extent::OnPath;
                if path.len() >= DEPTH_LIMIT {
                    return Err(TooFar::Depth);
                }
                path.push((*next, 0));
            }
            continue;
        }
        let mut elements: u64 = 1;
        let mut depth = 0;
        for next in edges {
            if let Some(Extent::Known {
                elements: more,
                depth: below,
            }) = extents.get(*next)
            {
                elements = elements.saturating_add(*more);
                depth = depth.max(below + 1);
            }
        }
        if elements > ELEMENTS_LIMIT {
            return Err(TooFar::Elements);
        }
        if depth > DEPTH_LIMIT {
            return Err(TooFar::Depth);
        }
        if let Some(extent) = extents.get_mut(element) {
            *extent = Extent::Known { elements, depth };
        }
        path.pop();
    }
    Ok(())
}

/// What an element stands for.
#[derive(Clone, Copy)]
enum Extent {
    Unknown,
    /// It is about to be known.
    OnPath,
    Known {
        elements: u64,
        depth: usize,
    },
}

/// The elements of a document in their order: for each its children and what it refers to.
fn edges(document: &Document<'_>) -> Result<Vec<Vec<usize>>, TooFar> {
    let elements: Vec<Node<'_, '_>> = document.descendants().filter(Node::is_element).collect();
    let mut numbers = FxHashMap::default();
    let mut ids: FxHashMap<&str, usize> = FxHashMap::default();
    for (number, element) in elements.iter().enumerate() {
        numbers.insert(element.id(), number);
        if let Some(id) = element.attribute("id") {
            ids.entry(id).or_insert(number);
        }
    }
    let rules = rules(&elements);
    let mut count: u64 = 0;
    let mut graph = Vec::with_capacity(elements.len());
    for element in &elements {
        let mut edges: Vec<usize> = element
            .children()
            .filter_map(|child| numbers.get(&child.id()).copied())
            .collect();
        let by_attributes = element.attributes().flat_map(|attribute| {
            let value = attribute.value().trim();
            let link = value.strip_prefix('#');
            link.filter(|_| attribute.name() == "href")
                .into_iter()
                .chain(references(value))
        });
        let by_rules = subjects_of(element)
            .filter_map(|subject| rules.get(&subject))
            .flatten()
            .copied();
        for id in by_attributes.chain(by_rules) {
            edges.extend(ids.get(id));
        }
        count = count.saturating_add(edges.len() as u64);
        if count > ELEMENTS_LIMIT {
            return Err(TooFar::Elements);
        }
        graph.push(edges);
    }
    Ok(graph)
}

/// What the last part of a selector asks for. What is around the element is not looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject<'a> {
    Class(&'a str),
    Id(&'a str),
    Type(&'a str),
    Any,
}

impl<'a> Subject<'a> {
    fn of(selector: &'a str) -> Self {
        let compound = selector
            .split(|character: char| character.is_whitespace() || ">+~".contains(character))
            .rfind(|part| !part.is_empty())
            .unwrap_or_default();
        let plain = compound.split([':', '[']).next().unwrap_or_default();
        if let Some((_, class)) = plain.rsplit_once('.') {
            Self::Class(class.split('#').next().unwrap_or_default())
        } else if let Some((_, id)) = plain.split_once('#') {
            Self::Id(id)
        } else if plain.is_empty() || plain == "*" {
            Self::Any
        } else {
            Self::Type(plain)
        }
    }
}

/// All that a selector's last part may ask for to select `element`.
fn subjects_of<'a>(element: &Node<'a, '_>) -> impl Iterator<Item = Subject<'a>> {
    let classes = element.attribute("class").unwrap_or_default();
    classes
        .split_ascii_whitespace()
        .map(Subject::Class)
        .chain(element.attribute("id").map(Subject::Id))
        .chain([Subject::Type(element.tag_name().name()), Subject::Any])
}

/// What the rules of all style sheets of the document refer to.
fn rules<'a>(elements: &[Node<'a, '_>]) -> FxHashMap<Subject<'a>, Vec<&'a str>> {
    let mut rules: FxHashMap<_, Vec<_>> = FxHashMap::default();
    let sheets = elements
        .iter()
        .filter(|element| element.tag_name().name() == "style")
        .flat_map(|element| element.children().filter(Node::is_text))
        .filter_map(|text| text.text());
    for rule in sheets.flat_map(|sheet| sheet.split('}')) {
        let Some((selectors, declarations)) = rule.rsplit_once('{') else {
            continue;
        };
        for selector in selectors.split(',') {
            let targets = references(declarations);
            for target in targets {
                rules.entry(Subject::of(selector)).or_default().push(target);
            }
        }
    }
    rules
}

/// The names in all `url(#name)` of a value.
fn references(value: &str) -> impl Iterator<Item = &str> {
    value.split("url(").skip(1).filter_map(|rest| {
        let (url, _) = rest.split_once(')')?;
        url.trim_matches(|character: char| character.is_whitespace() || "'\"".contains(character))
            .strip_prefix('#')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(contents: &str) -> Result<(), TooFar> {
        let text = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'>{contents}</svg>"
        );
        check(&Document::parse(&text).unwrap())
    }

    /// Ten patterns, each of which has ten shapes that `refer` to the next one.
    fn nested(refer: impl Fn(usize) -> String) -> String {
        (0..10)
            .map(|level| {
                let shapes = format!("<rect {}/>", refer(level + 1)).repeat(10);
                format!("<pattern id='p{level}'>{shapes}</pattern>")
            })
            .collect()
    }

    #[test]
    fn what_multiplies_is_told() {
        for refer in [
            |next| format!("fill='url(#p{next})'"),
            |next| format!("stroke='url( \"#p{next}\" ) red'"),
            |next| format!("style='x:y;mask:url(#p{next})'"),
            |next| format!("xlink:href='#p{next}'"),
            |next| format!("class='a c{next}'"),
            |next| format!("id='i{next}'"),
        ] as [fn(usize) -> String; 6]
        {
            let rules: String = (0..20)
                .map(|level| format!(".c{level}, g > rect#i{level} {{ fill: url(#p{level}) }}\n"))
                .collect();
            let contents = format!("<style>{rules}</style>{}", nested(refer));
            assert_eq!(of(&contents), Err(TooFar::Elements), "{}", refer(1));
        }
    }

    #[test]
    fn what_pages_have_is_not_far() {
        let flat = "<rect fill='url(#p)'/>".repeat(10_000);
        for contents in [
            format!("<pattern id='p'><path/><path/></pattern>{flat}"),
            // Circles.
            "<pattern id='p'><rect fill='url(#p)'/></pattern>".to_owned(),
            "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>".to_owned(),
            nested(|_| "fill='url(#nothing)'".to_owned()),
            nested(|next| format!("fill='p{next}'")),
        ] {
            assert_eq!(of(&contents), Ok(()), "{}", &contents[..40]);
        }
    }

    #[test]
    fn depth_is_of_elements_and_references() {
        let chain = |length: usize| -> String {
            (0..length)
                .map(|link| {
                    format!(
                        "<pattern id='p{link}'><rect fill='url(#p{})'/></pattern>",
                        link + 1
                    )
                })
                .collect()
        };
        assert_eq!(of(&chain(400)), Ok(()));
        assert_eq!(of(&chain(600)), Err(TooFar::Depth));
        // Whatever comes first in the document.
        let backwards: String = (0..600)
            .rev()
            .map(|link| {
                format!(
                    "<pattern id='p{link}'><rect fill='url(#p{})'/></pattern>",
                    link + 1
                )
            })
            .collect();
        assert_eq!(of(&backwards), Err(TooFar::Depth));
    }

    proptest! {
        #[test]
        fn any_style_sheet_can_be_read(text in "[a-z.#:>{}(), 'url]{0,80}") {
            let _ = of(&format!("<style>{}</style><g class='a' id='b'/>", text.replace('>', "&gt;")));
        }
    }
}
