// META: title=User-enabled CORS: failures with other causes never ask, and all failures are alike
// META: script=/user-enabled-cors/resources/servers.sub.js

const broken = (kind, header) => handler(ANSWERS.once, "broken.py", { kind, ...(header ? { header } : {}) });

async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

for (const kind of ["close", "reset", "garbage", "cut-header"]) {
  promise_test((t) => rejects(t, fetch(broken(kind))), `No response: ${kind}`);
}

promise_test(async (t) => {
  const response = await fetch(broken("cut-body", "Access-Control-Allow-Origin:*"));
  await rejects(t, response.text());
}, "A body that is cut off, of a server that allows it");

promise_test(async (t) => {
  await rejects(
    t,
    fetch(broken("cut-body")).then((response) => response.text())
  );
}, "A body that is cut off, of a silent server");

promise_test((t) => rejects(t, fetch("https://nonexistent.invalid/")), "A host that is not there");

promise_test((t) => rejects(t, fetch(respond(ANSWERS.once).replace(/:\d+\//, ":1/"))), "A bad port");

promise_test((t) => rejects(t, fetch(respond(ANSWERS.once), { integrity: "sha256-AAAA" })), "Integrity that does not hold");

promise_test(async () => {
  const failures = [];
  for (const url of [
    respond(ANSWERS.notNow),
    respond(ANSWERS.never),
    respond(ANSWERS.once, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }),
    respond(ANSWERS.once, { header: "Access-Control-Prevent-Origin:*" }),
    respond(ANSWERS.once, { header: "Cross-Origin-Resource-Policy:same-origin" }),
    respond(LOCAL),
  ]) {
    failures.push(await failureOf(fetch(url)));
  }
  for (const failure of failures) {
    assert_equals(failure.constructor, TypeError);
    assert_equals(failure.message, failures[0].message);
    assert_array_equals(Object.keys(failure), Object.keys(failures[0]));
  }
}, "The page cannot tell why it may not read");

promise_test(async (t) => {
  const controller = new AbortController();
  const promise = fetch(respond(ANSWERS.once, { delay: 5000 }), { signal: controller.signal });
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
}, "A request that is aborted before the answer");

promise_test(async (t) => {
  const controller = new AbortController();
  const response = await fetch(respond(ANSWERS.once, { body: "12", pause: 5000 }), { signal: controller.signal });
  controller.abort();
  await promise_rejects_dom(t, "AbortError", response.text());
}, "A response that is aborted while its body comes");
