// META: title=Fetch: Cross-Origin-Embedder-Policy
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const policy = (value) => `Cross-Origin-Embedder-Policy:${value}`;
const SHARED = "Cross-Origin-Resource-Policy:cross-origin";

// The window of a frame in `document` with these headers, once it has loaded whatever it loads.
async function frame(t, header, document = self.document, origin = TEST_ORIGIN) {
  const element = document.createElement("iframe");
  element.src = respond(origin, { type: "text/html", header, body: "<!DOCTYPE html>" });
  const loaded = new Promise((resolve) => element.addEventListener("load", resolve));
  document.body.append(element);
  t.add_cleanup(() => element.remove());
  await loaded;
  return element;
}

for (const [value, header, holds] of [
  ["require-corp", [], false],
  ["require-corp", [SHARED], true],
  ["credentialless", [], true],
  ["unsafe-none", [], true],
  ["other", [], true],
]) {
  promise_test(async (t) => {
    const { contentWindow } = await frame(t, [policy(value)]);
    const promise = contentWindow.fetch(respond(CROSS_SITE, { header }), { mode: "no-cors" });
    if (holds) {
      assert_equals((await promise).type, "opaque");
    } else {
      await promise_rejects_js(t, contentWindow.TypeError, promise);
    }
  }, `${value} ${holds ? "lets" : "does not let"} a no-cors request ${header.length ? "with" : "without"} a policy of the server through`);
}

promise_test(async (t) => {
  const { contentWindow } = await frame(t, [policy("require-corp")]);
  const response = await contentWindow.fetch(respond(CROSS_SITE, { header: ALLOW_ALL }));
  assert_equals(response.type, "cors");
}, "require-corp does not matter to what CORS allows");

for (const [value, mode, sent] of [
  ["credentialless", "no-cors", false],
  ["credentialless", "cors", true],
  ["unsafe-none", "no-cors", true],
]) {
  promise_test(async (t) => {
    const cookie = (attributes) => `embedder=1; Path=/; SameSite=None; Secure; Partitioned${attributes}`;
    const header = [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, ALLOW_CREDENTIALS];
    const set = (attributes) => fetch(handler(CROSS_SITE, "cookies.py", { set: cookie(attributes), header }), { credentials: "include" });
    await set("");
    t.add_cleanup(() => set("; Max-Age=0"));
    const { contentWindow } = await frame(t, [policy(value)]);
    const token = newToken();
    await contentWindow.fetch(respond(CROSS_SITE, { token, header }), { mode, credentials: "include" });
    const [record] = await seen(token);
    assert_equals((headerOf(record, "cookie") || "").includes("embedder=1"), sent);
  }, `${value} ${sent ? "keeps" : "takes"} the credentials of a ${mode} request`);
}

// The window of a tab with these headers.
async function tab(t, header) {
  const opened = window.open(respond(TEST_ORIGIN, { type: "text/html", header, body: "<!DOCTYPE html><body><script>opener.postMessage('here');</script>" }));
  t.add_cleanup(() => opened.close());
  await new Promise((resolve) => addEventListener("message", resolve, { once: true }));
  return opened;
}

for (const value of ["require-corp", "credentialless"]) {
  for (const [title, header, loads] of [
    ["without a policy", [], false],
    ["with require-corp", [policy("require-corp")], true],
    ["with credentialless", [policy("credentialless")], true],
  ]) {
    promise_test(async (t) => {
      const { document } = await tab(t, [policy(value)]);
      const inner = await frame(t, header, document);
      assert_equals(inner.contentDocument !== null, loads);
    }, `A frame ${title} ${loads ? "loads" : "does not load"} in a page with ${value}`);
  }
}

promise_test(async (t) => {
  const { contentDocument } = await frame(t, [policy("require-corp")]);
  const inner = await frame(t, [policy("require-corp")], contentDocument);
  assert_not_equals(inner.contentDocument, null);
}, "A frame with a policy loads in one with a policy");
