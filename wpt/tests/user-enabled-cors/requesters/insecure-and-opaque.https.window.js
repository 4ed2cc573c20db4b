// META: title=User-enabled CORS: requesters without a secure or without any origin
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// What a top-level page of another kind gets, with every question answered by yes. It tells its opener.
const TARGET = ANSWERS.once;
const FETCH = (url) => `fetch(${JSON.stringify(url)}).then((r) => r.text(), (e) => e.name).then((result) => opener.postMessage({ result }, "*"));`;
const page = (script) => `<script>${script}<\/script>`;

function inTab(t, url) {
  return new Promise((resolve) => {
    addEventListener("message", (event) => resolve(event.data.result), { once: true });
    const other = window.open(url);
    t.add_cleanup(() => other.close());
  });
}
const insecure = (script) => {
  const url = new URL(respond(INSECURE, { type: "text/html", body: page(script) }));
  return url.href;
};
const sandboxed = (script) => respond(TEST_ORIGIN, { type: "text/html", body: page(script), header: "Content-Security-Policy:sandbox allow-scripts" });

answered_test("visit", async (t) => {
  const url = respond(ANSWERS.never, { type: "text/html", body: page(FETCH(respond(TARGET, { body: "text" }))) });
  assert_equals(await inTab(t, url), "text");
}, "A page with TLS, of another site");

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, insecure(FETCH(respond(TARGET, { body: "text" })))), "TypeError");
  assert_array_equals((await user.permissions()).grants, []);
}, "A page without TLS");

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, insecure(FETCH(respond(TARGET, { body: "text", header: ALLOW_ALL })))), "text");
}, "A page without TLS, and a server that allows it");

answered_test("visit", async (t) => {
  await user.setPreference("user_cors.insecure_requesters", true);
  assert_equals(await inTab(t, insecure(FETCH(respond(TARGET, { body: "text" })))), "text");
}, "A page without TLS, with the preference for laboratories");

answered_test("visit", async (t) => {
  await user.setPreference("user_cors.insecure_requesters", true);
  assert_equals(await inTab(t, sandboxed(FETCH(respond(TARGET, { body: "text" })))), "TypeError");
  assert_array_equals((await user.permissions()).grants, []);
}, "An opaque origin");

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, sandboxed(FETCH(respond(TARGET, { body: "text", header: ALLOW_ALL })))), "text");
}, "An opaque origin, and a server that allows all");

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, sandboxed(FETCH(respond(TARGET, { body: "text", header: "Access-Control-Allow-Origin:null" })))), "text");
}, "An opaque origin, and a server that allows such");

const blob = (script) => URL.createObjectURL(new Blob([page(script)], { type: "text/html" }));

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, blob(FETCH(respond(TARGET, { body: "text" })))), "TypeError");
  assert_array_equals((await user.permissions()).grants, []);
}, "A page that is only a blob");

answered_test("visit", async (t) => {
  assert_equals(await inTab(t, blob(FETCH(respond(TARGET, { body: "text", header: ALLOW_ALL })))), "text");
}, "A page that is only a blob, and a server that allows all");

answered_test("visit", async (t) => {
  const other = window.open("about:blank");
  t.add_cleanup(() => other.close());
  const result = await other.fetch(respond(TARGET)).then(() => "read", (error) => error.name);
  assert_equals(result, "TypeError");
}, "about:blank in another tab, by a script of this page");
