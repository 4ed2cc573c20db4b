// META: title=Fetch: opaque-response blocking
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const NOSNIFF = "X-Content-Type-Options:nosniff";
const opaque = (parameters) => fetch(respond(CROSS_SITE, parameters), { mode: "no-cors" });

for (const [title, parameters] of [
  ["JSON", { type: "application/json", body: '{"a": 1}' }],
  ["an array", { type: "application/json", body: "[1, 2]" }],
  ["JSON as plain text", { type: "text/plain", body: '{"a": 1}' }],
  ["HTML", { type: "text/html", body: "<!doctype html><p>private" }],
  ["XML", { type: "text/xml", body: "<a>private</a>" }],
  ["prose", { type: "text/plain", body: "this is private" }],
  ["a table", { type: "text/csv", body: "a" }],
  ["an archive", { type: "application/zip", body: "a" }],
  ["a script that is plain text, with nosniff", { type: "text/plain", body: "a", header: NOSNIFF }],
  ["something that says it is an image", { type: "image/png", body: "private" }],
  ["an error page", { type: "text/plain", body: "a", status: 404 }],
  ["JSON behind a guard, as a script", { type: "text/javascript", body: ")]}'\n[]" }],
]) {
  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, opaque(parameters));
  }, `Blocked: ${title}`);
}

for (const [title, parameters] of [
  ["a script", { type: "text/javascript", body: "[1, 2]" }],
  ["a script with nosniff", { type: "text/javascript", body: "a()", header: NOSNIFF }],
  ["a script that is plain text", { type: "text/plain", body: "a(); // private" }],
  ["a script that says it is HTML", { type: "text/html", body: "a()" }],
  ["a style sheet", { type: "text/css", body: "a { b: c }" }],
  ["nothing", { type: "text/plain", body: "" }],
  ["what its server allows to read", { type: "application/json", body: "{}", header: ALLOW_ALL }, "cors"],
]) {
  promise_test(async () => {
    const response = parameters.header === ALLOW_ALL ? await fetch(respond(CROSS_SITE, parameters)) : await opaque(parameters);
    assert_in_array(response.type, ["opaque", "cors"]);
  }, `Not blocked: ${title}`);
}

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN, { type: "application/json", body: '{"a": 1}' }), { mode: "no-cors" });
  assert_equals((await response.json()).a, 1);
}, "Not blocked: JSON of the same origin");

promise_test(async (t) => {
  const target = respond(CROSS_SITE, { type: "application/json", body: "{}" });
  await promise_rejects_js(t, TypeError, fetch(redirect(TEST_ORIGIN, target), { mode: "no-cors" }));
}, "Blocked: JSON behind a redirect of the same origin");

promise_test(async () => {
  const script = document.createElement("script");
  const ended = new Promise((resolve, reject) => {
    script.onerror = resolve;
    script.onload = () => reject(new Error("it was loaded"));
  });
  script.src = respond(CROSS_SITE, { type: "application/json", body: '{"a": 1}' });
  document.body.append(script);
  await ended;
}, "Blocked: JSON as the source of a script");
