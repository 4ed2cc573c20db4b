// META: title=User-enabled CORS: a private response does not come out of the cache
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// An image, a script or another request with credentials leaves a private response in the cache; then the page asks for it and
// the user allows it. What is read has to be what anybody gets.
const TARGET = ANSWERS.once;
const CACHED = "Cache-Control:max-age=3600";
const turn = (parameters) => new URLSearchParams(parameters).toString();
const twice = (token, first) =>
  handler(TARGET, "turns.py", { token, turn: [turn([["body", "/* private */"], ["header", CACHED], ...(first || [])]), turn([["body", "/* public */"], ["header", CACHED]])] });
const allowed = [["header", ALLOW_TEST], ["header", ALLOW_CREDENTIALS]];
const element = (name, attribute) => (url) =>
  new Promise((resolve) => {
    const made = document.createElement(name);
    made.onload = made.onerror = () => {
      made.remove();
      resolve();
    };
    if (name === "link") {
      made.rel = "stylesheet";
    }
    made[attribute] = url;
    document.body.append(made);
  });

for (const [title, leave, first] of [
  ["an image", element("img", "src")],
  ["a script", element("script", "src")],
  ["a style sheet", element("link", "href")],
  ["a frame", element("iframe", "src")],
  ["no-cors fetch()", (url) => fetch(url, { mode: "no-cors", credentials: "include" })],
  ["fetch() with credentials, which the server allows", (url) => fetch(url, { credentials: "include" }), allowed],
]) {
  for (const [how, init] of [["simple", {}], ["after a preflight", { headers: { "X-Custom": "1" } }], ["with cache mode force-cache", { cache: "force-cache" }]]) {
    user_test(async (t) => {
      const token = newToken();
      const url = twice(token, first);
      await leave(url);
      await eventually(t, async () => (await seen(token)).length > 0, "the private response is there");
      const response = await user.fetch(t, "once", url, init);
      assert_equals(await response.text(), "/* public */");
      const sent = (await seen(token)).filter((record) => !record.isPreflight);
      assert_equals(sent.length, 2, "the server is asked again");
      assert_equals(headerOf(sent[1], "cookie"), null);
      assert_equals(headerOf(sent[1], "if-none-match"), null);
    }, `Left by ${title}, then read: ${how}`);
  }
}

user_test(async (t) => {
  const token = newToken();
  const url = handler(TARGET, "turns.py", { token, turn: [turn([["body", "/* public */"], ["header", CACHED]]), turn([["body", "/* private */"], ["header", CACHED], ...allowed])] });
  const response = await user.fetch(t, "once", url, { headers: { "X-Custom": "1" } });
  assert_equals(await response.text(), "/* public */");
  const later = await fetch(url, { credentials: "include" });
  assert_equals(await later.text(), "/* private */", "and it leaves nothing for requests with credentials");
}, "Nor does what is read for the user go in");
