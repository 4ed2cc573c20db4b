// META: title=CORS: values of Access-Control-Allow-Origin
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const allowing = (...values) => ({ header: values.map((value) => `Access-Control-Allow-Origin:${value}`), body: "text" });
const shown = (value) => value.replaceAll(TEST_ORIGIN, "the origin");

for (const [title, values] of [
  ["the origin with space around it", [` ${TEST_ORIGIN}\t`]],
  ["a star with space around it", [" * "]],
]) {
  promise_test(async () => {
    const response = await fetch(respond(CROSS_SITE, allowing(...values)));
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), "text");
  }, `Allowed: ${title}`);
}

for (const [title, values] of [
  ["nothing at all", []],
  ["an empty value", [""]],
  ["two stars", ["**"]],
  ["a pattern", ["https://*"]],
  ["the origin twice", [TEST_ORIGIN, TEST_ORIGIN]],
  ["a star twice", ["*", "*"]],
  ["the origin and a star", [TEST_ORIGIN, "*"]],
  ["a list of origins", [`${OTHER_ORIGIN} ${TEST_ORIGIN}`]],
  ["the origin with a path", [`${TEST_ORIGIN}/path`]],
  ["the host without a scheme", [new URL(TEST_ORIGIN).host]],
  ["the origin without its port", [TEST_ORIGIN.replace(/:\d+$/, "")]],
  ["the origin by another scheme", [TEST_ORIGIN.replace("https:", "http:")]],
  ["the origin at another port", [OTHER_PORT]],
  ["a subdomain of the origin's", [SAME_SITE]],
  ["the target's own origin", [CROSS_SITE]],
]) {
  promise_test((t) => rejects(t, fetch(respond(CROSS_SITE, allowing(...values)))), `Not allowed: ${title}`);
}

for (const status of [201, 404, 500]) {
  promise_test(async () => {
    const response = await fetch(respond(CROSS_SITE, { ...allowing("*"), status }));
    assert_equals(response.status, status);
    assert_equals(await response.text(), "text");
  }, `An allowed response with status ${status} is read`);

  promise_test((t) => rejects(t, fetch(respond(CROSS_SITE, { status, body: "text" }))), `One that is not allowed is not: ${status}`);
}

for (const [title, origin] of [
  ["a subdomain of the same site", SAME_SITE],
  ["another port of the same host", OTHER_PORT],
]) {
  promise_test(async (t) => {
    await rejects(t, fetch(respond(origin)));
    const response = await fetch(respond(origin, allowing(TEST_ORIGIN)));
    assert_equals(response.type, "cors");
  }, `Another origin is one that has to allow it: ${title}`);
}

promise_test(async () => {
  const token = newToken();
  await fetch(respond(CROSS_SITE, { ...allowing("*"), token }));
  const [record] = await seen(token);
  assert_equals(headerOf(record, "origin"), TEST_ORIGIN);
}, "The request names its origin");
