// META: title=User-enabled CORS: requests that never ask
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// With every question answered by yes, and nothing of it reaches the page or is sent.
const TARGET = ANSWERS.once;
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;

async function assertNothing(t, promise, token) {
  await rejects(t, promise);
  assert_false((await seen(token)).some(isAnonymous), "nothing is sent for the user");
  assert_array_equals((await user.permissions()).grants, []);
  assert_array_equals(await user.ledger(), []);
}

for (const method of ["GET", "POST", "PUT"]) {
  for (const [title, init] of [
    ["credentials mode include", { credentials: "include" }],
    ["redirect mode error", { redirect: "error" }],
    ["redirect mode manual", { redirect: "manual" }],
    ["mode same-origin", { mode: "same-origin" }],
  ]) {
    answered_test("always", async (t) => {
      const token = newToken();
      await assertNothing(t, fetch(respond(TARGET, { token }), { method, ...init }), token);
    }, `${title}: ${method}`);
  }
}

for (const method of ["OPTIONS", "PROPFIND", "MKCOL", "REPORT", "QUERY", "get2", "put", "Patch", "X"]) {
  answered_test("always", async (t) => {
    const token = newToken();
    const promise = fetch(respond(TARGET, { token }), { method });
    if (method === "put") {
      // Methods that are normalized are those that they are.
      assert_equals((await promise).status, 200);
    } else {
      await assertNothing(t, promise, token);
    }
  }, `The method ${method}`);
}

for (const name of ["X-HTTP-Method", "x-http-method-override", "X-METHOD-OVERRIDE", "X-Original-URL", "X-Rewrite-URL", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-", "X-Forwarded", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Host", "X-Original-Host", "X_HTTP_Method_Override", "X-Forwarded_For"]) {
  for (const method of ["GET", "PUT"]) {
    answered_test("always", async (t) => {
      const token = newToken();
      await assertNothing(t, fetch(respond(TARGET, { token }), { method, headers: { [name]: "1" } }), token);
    }, `The header field ${name}: ${method}`);
  }
}

for (const name of ["X-HTTP", "X-Forward", "X-Real", "X-Original", "Forwarded-For", "X-Override", "X-Client", "Client-IP", "Host-X"]) {
  answered_test("visit", async () => {
    const response = await fetch(respond(TARGET, { body: "text" }), { headers: { [name]: "1" } });
    assert_equals(await response.text(), "text");
  }, `One that only looks like these may ask: ${name}`);
}

answered_test("always", async (t) => {
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`X-Many-${index}`, "1"]));
  const token = newToken();
  await assertNothing(t, fetch(respond(TARGET, { token }), { headers }), token);
}, "More header fields than anybody reads");

answered_test("always", async (t) => {
  const token = newToken();
  await assertNothing(t, fetch(respond(INSECURE, { token })), token);
}, "A target without TLS");

answered_test("always", async (t) => {
  const token = newToken();
  await assertNothing(t, fetch(respond(LOCAL, { token })), token);
}, "A target that is not public");

answered_test("always", async () => {
  const source = new EventSource(respond(TARGET, { type: "text/event-stream", body: "data: 1\n\n" }));
  const type = await new Promise((resolve) => (source.onmessage = source.onerror = (event) => resolve(event.type)));
  source.close();
  assert_equals(type, "error");
  assert_array_equals((await user.permissions()).grants, []);
}, "EventSource");

answered_test("always", async () => {
  assert_implements_optional("sendBeacon" in navigator, "beacons");
  const token = newToken();
  navigator.sendBeacon(respond(TARGET, { token }), new Blob(["{}"], { type: "application/json" }));
  await fetch(respond(TEST_ORIGIN));
  assert_false((await seen(token)).some(isAnonymous));
  assert_array_equals((await user.permissions()).grants, []);
}, "A beacon");

for (const [title, make] of [
  ["a script", (url) => Object.assign(document.createElement("script"), { crossOrigin: "anonymous", src: url })],
  ["a module", (url) => Object.assign(document.createElement("script"), { type: "module", src: url })],
  ["a style sheet", (url) => Object.assign(document.createElement("link"), { rel: "stylesheet", crossOrigin: "anonymous", href: url })],
  ["a preload", (url) => Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: url })],
]) {
  answered_test("always", async (t) => {
    const token = newToken();
    const element = make(respond(TARGET, { token, type: title === "a style sheet" ? "text/css" : "text/javascript" }));
    t.add_cleanup(() => element.remove());
    const type = await new Promise((resolve) => {
      element.onload = element.onerror = (event) => resolve(event.type);
      document.head.append(element);
    });
    assert_equals(type, "error");
    assert_false((await seen(token)).some(isAnonymous));
    assert_array_equals((await user.permissions()).grants, []);
  }, `What is no data: ${title}`);
}

user_test(async (t) => {
  const token = newToken();
  const url = respond(TARGET, { token, body: "text" });
  const link = Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "anonymous", href: url });
  t.add_cleanup(() => link.remove());
  await new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
  await user.assertNotAsked();
  const response = await user.fetch(t, "once", url);
  assert_equals(await response.text(), "text");
}, "A request may ask though its preload, which may not, has failed");

answered_test("always", async () => {
  const worker = await new Promise((resolve) => {
    try {
      const made = new Worker(respond(TARGET, { type: "text/javascript", body: "postMessage(1)" }));
      made.onmessage = made.onerror = (event) => resolve(event.type);
    } catch (error) {
      resolve(error.name);
    }
  });
  assert_in_array(worker, ["SecurityError", "error"]);
  assert_array_equals((await user.permissions()).grants, []);
}, "What is no data: a worker");

answered_test("always", async () => {
  const result = await import(respond(TARGET, { type: "text/javascript", body: "export default 1" })).then(() => "loaded", (error) => error.name);
  assert_equals(result, "TypeError");
  assert_array_equals((await user.permissions()).grants, []);
}, "What is no data: import()");

answered_test("always", async (t) => {
  const token = newToken();
  const response = await fetch(respond(TARGET, { token, body: "text" }), { mode: "no-cors" });
  assert_equals(response.type, "opaque");
  assert_equals(await response.text(), "");
  assert_false((await seen(token)).some(isAnonymous));
}, "A no-cors request is as it was");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET), false);
  assert_throws_dom("NetworkError", () => xhr.send());
  await user.assertNotAsked();
  await user.fetch(t, "visit", respond(TARGET));
  const second = new XMLHttpRequest();
  second.open("GET", respond(TARGET, { body: "text" }), false);
  second.send();
  assert_equals(second.responseText, "text");
}, "A synchronous XMLHttpRequest never asks, and uses what was allowed");
