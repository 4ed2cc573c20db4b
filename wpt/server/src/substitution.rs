//! `{{…}}` in files: hosts, ports and parts of the request, so that no test has a host or port written out.
//!
//! <https://web-platform-tests.org/writing-tests/server-pipes.html#sub>

use std::collections::HashMap;
use std::str;

use thiserror::Error;
use uuid::Uuid;

use crate::hosts::Domain;
use crate::ports::Ports;
use crate::request::Request;

/// A substitution that is not known, or has no value here.
#[derive(Debug, Error)]
#[error("{{{{{0}}}}} has no value")]
pub struct SubstitutionError(String);

/// How values are written, which may come from the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Escape {
    /// With character references, for HTML and XML.
    Html,
    /// As they are.
    None,
}

/// What is substituted from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The request that is answered.
    pub request: &'a Request,
    /// The server's ports.
    pub ports: &'a Ports,
}

/// Replaces each `{{…}}` in a file.
///
/// # Errors
///
/// If one is not known: a test with a slip shall fail for that reason and no other.
pub fn substitute(
    template: &[u8],
    context: Context<'_>,
    escape: Escape,
) -> Result<Vec<u8>, SubstitutionError> {
    let mut output = Vec::with_capacity(template.len());
    let mut variables = HashMap::new();
    let mut rest = template;
    while let Some((before, expression, after)) = next_expression(rest) {
        output.extend_from_slice(before);
        let value = evaluate(expression, context, &mut variables)
            .ok_or_else(|| SubstitutionError(expression.to_owned()))?;
        match escape {
            Escape::Html => output.extend_from_slice(escape_html(&value).as_bytes()),
            Escape::None => output.extend_from_slice(value.as_bytes()),
        }
        rest = after;
    }
    output.extend_from_slice(rest);
    Ok(output)
}

/// Text as HTML and XML write it.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// What stands before the first `{{…}}`, between its braces, and after it.
fn next_expression(text: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let start = find(text, b"{{")?;
    let (before, rest) = text.split_at(start);
    let inside = rest.get(2..)?;
    let end = find(inside, b"}}")?;
    let (expression, after) = inside.split_at(end);
    Some((before, str::from_utf8(expression).ok()?, after.get(2..)?))
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}

/// The value of `name[key]…`, `name(argument, …)`, `$variable`, or `$variable:` before one of the others, which gives the
/// variable its value.
fn evaluate(
    expression: &str,
    context: Context<'_>,
    variables: &mut HashMap<String, String>,
) -> Option<String> {
    let expression = expression.trim();
    if let Some(variable) = expression.strip_prefix('$') {
        return match variable.split_once(':') {
            None => variables.get(variable).cloned(),
            Some((variable, expression)) => {
                let value = evaluate(expression, context, variables)?;
                variables.insert(variable.to_owned(), value.clone());
                Some(value)
            },
        };
    }
    if let Some((name, arguments)) = expression.split_once('(') {
        let arguments: Vec<&str> = arguments.strip_suffix(')')?.split(',').collect();
        return call(name, &arguments, context);
    }
    let (name, keys) = expression.split_at(expression.find('[').unwrap_or(expression.len()));
    lookup(name, &brackets(keys)?, context)
}

/// The texts in `[a][b]`.
fn brackets(text: &str) -> Option<Vec<&str>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
        keys.push(key);
        rest = after;
    }
    Some(keys)
}

fn lookup(name: &str, keys: &[&str], context: Context<'_>) -> Option<String> {
    let Context { request, ports } = context;
    match (name, keys) {
        ("host", []) => Some(Domain::Main.name().to_owned()),
        ("domains", [subdomain]) => Domain::Main.subdomain(subdomain),
        ("hosts", [domain, subdomain]) => Domain::of_key(domain)?.subdomain(subdomain),
        ("ports", [kind, index]) => Some(ports.get(kind, index.parse().ok()?)?.to_string()),
        ("headers", [name]) => request.header(name),
        // NB: a parameter that is not there is empty, as in wptserve.
        ("GET", [name]) => Some(request.parameter(name).unwrap_or_default()),
        ("location", [part]) => location(part, request),
        _ => None,
    }
}

fn location(part: &str, request: &Request) -> Option<String> {
    let url = &request.url;
    let origin = url.origin().ascii_serialization();
    Some(match part {
        "server" => origin,
        "scheme" => url.scheme().to_owned(),
        "host" => origin.split_once("://")?.1.to_owned(),
        "hostname" => url.host_str()?.to_owned(),
        "port" => url.port_or_known_default()?.to_string(),
        "path" | "pathname" => url.path().to_owned(),
        "query" => url
            .query()
            .map_or_else(String::new, |query| format!("?{query}")),
        _ => return None,
    })
}

fn call(name: &str, arguments: &[&str], context: Context<'_>) -> Option<String> {
    match (name.trim(), arguments) {
        ("uuid", [""]) => Some(Uuid::new_v4().to_string()),
        ("header_or_default", [name, default]) => Some(
            context
                .request
                .header(name.trim())
                .unwrap_or_else(|| default.trim().to_owned()),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::fake;
    use http::HeaderValue;

    fn sub(template: &str, escape: Escape) -> Result<String, SubstitutionError> {
        let mut ports = Ports::default();
        ports.add("http", 8000);
        ports.add("http", 8001);
        ports.add("https-public", 8446);
        let mut request = fake::get("http://www.web-platform.test:8000/a/b.html?x=%3Cy%3E&z=1");
        request
            .headers
            .insert("x-test", HeaderValue::from_static("\"1\""));
        let context = Context {
            request: &request,
            ports: &ports,
        };
        let output = substitute(template.as_bytes(), context, escape)?;
        Ok(String::from_utf8(output).expect("UTF-8"))
    }

    #[test]
    fn values() {
        for (template, expected) in [
            ("", ""),
            ("no {braces} { { } }", "no {braces} { { } }"),
            ("{{host}}", "web-platform.test"),
            (
                "-{{ host }}-{{host}}-",
                "-web-platform.test-web-platform.test-",
            ),
            ("{{domains[]}}", "web-platform.test"),
            ("{{domains[www1]}}", "www1.web-platform.test"),
            ("{{domains[élève]}}", "xn--lve-6lad.web-platform.test"),
            ("{{hosts[][www]}}", "www.web-platform.test"),
            ("{{hosts[alt][]}}", "not-web-platform.test"),
            ("{{ports[http][1]}}", "8001"),
            ("{{ports[https-public][0]}}", "8446"),
            ("{{headers[X-Test]}}", "\"1\""),
            ("{{header_or_default(X-None, none)}}", "none"),
            ("{{header_or_default(X-Test, none)}}", "\"1\""),
            ("{{GET[x]}}", "<y>"),
            ("{{GET[none]}}", ""),
            ("{{location[server]}}", "http://www.web-platform.test:8000"),
            ("{{location[scheme]}}", "http"),
            ("{{location[host]}}", "www.web-platform.test:8000"),
            ("{{location[hostname]}}", "www.web-platform.test"),
            ("{{location[port]}}", "8000"),
            ("{{location[path]}}", "/a/b.html"),
            ("{{location[query]}}", "?x=%3Cy%3E&z=1"),
            (
                "{{$id:host}} {{$id}}",
                "web-platform.test web-platform.test",
            ),
            ("{{host", "{{host"),
        ] {
            assert_eq!(sub(template, Escape::None).expect(template), expected);
        }
    }

    #[test]
    fn values_of_the_request_are_escaped() {
        assert_eq!(
            sub("{{GET[x]}}{{headers[x-test]}}", Escape::Html).expect("values"),
            "&lt;y&gt;&quot;1&quot;"
        );
    }

    #[test]
    fn uuids_differ_but_variables_stay() {
        let text = sub("{{$a:uuid()}} {{uuid()}} {{$a}}", Escape::None).expect("values");
        let parts: Vec<&str> = text.split(' ').collect();
        assert_eq!(parts[0], parts[2]);
        assert_ne!(parts[0], parts[1]);
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for template in [
            "{{hosts}}",
            "{{hosts[www]}}",
            "{{hosts[other][www]}}",
            "{{domains[www3]}}",
            "{{ports[http][2]}}",
            "{{ports[http][x]}}",
            "{{ports[http}}",
            "{{headers[none]}}",
            "{{location[other]}}",
            "{{$unset}}",
            "{{uuid(1)}}",
            "{{other()}}",
            "{{}}",
        ] {
            let error = sub(template, Escape::None).expect_err(template);
            assert!(error.to_string().contains(template), "{error}");
        }
    }
}
