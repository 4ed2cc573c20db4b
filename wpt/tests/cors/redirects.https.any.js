// META: title=CORS: redirects
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const allowed = (parameters) => ({ header: ALLOW_ALL, ...parameters });
const allowedRedirect = (origin, location, parameters) => redirect(origin, location, { header: ALLOW_ALL, ...parameters });

for (const [title, url, originSent] of [
  ["from the same origin to another", (end) => redirect(TEST_ORIGIN, end(CROSS_SITE)), TEST_ORIGIN],
  ["within another origin", (end) => allowedRedirect(CROSS_SITE, end(CROSS_SITE)), TEST_ORIGIN],
  ["from another origin to a third", (end) => allowedRedirect(CROSS_SITE, end(CROSS_SITE_TOO)), "null"],
  ["from another origin back", (end) => allowedRedirect(CROSS_SITE, end(TEST_ORIGIN)), "null"],
  ["from the same origin to another and back", (end) => redirect(TEST_ORIGIN, allowedRedirect(CROSS_SITE, end(TEST_ORIGIN))), "null"],
]) {
  promise_test(async () => {
    const token = newToken();
    const response = await fetch(url((origin) => respond(origin, allowed({ token, body: "end" }))));
    assert_equals(response.type, "cors");
    assert_true(response.redirected);
    assert_equals(await response.text(), "end");
    const [record] = await seen(token);
    assert_equals(headerOf(record, "origin"), originSent);
  }, `A redirect ${title} has Origin: ${originSent.replace(TEST_ORIGIN, "the origin")}`);
}

promise_test(async (t) => {
  const end = respond(CROSS_SITE_TOO, { header: ALLOW_TEST });
  await rejects(t, fetch(allowedRedirect(CROSS_SITE, end)));
}, "After two other origins the first one's name is no longer enough");

promise_test(async (t) => {
  const token = newToken();
  const header = `Access-Control-Allow-Origin:${OTHER_ORIGIN}`;
  await rejects(t, fetch(redirect(CROSS_SITE, respond(CROSS_SITE, allowed({ token })), { header })));
  assert_array_equals(await seen(token), []);
}, "A redirect that is not allowed itself is not followed");

promise_test(
  (t) => rejects(t, fetch(redirect(TEST_ORIGIN, respond(CROSS_SITE)))),
  "A redirect to a response that is not allowed"
);

promise_test(async () => {
  const response = await fetch(redirect(TEST_ORIGIN, respond(TEST_ORIGIN, { body: "end" })));
  assert_equals(response.type, "basic");
  assert_equals(await response.text(), "end");
}, "Within the same origin nobody has to allow anything");

for (const [status, method, expected] of [
  [301, "POST", "GET"],
  [302, "POST", "GET"],
  [303, "POST", "GET"],
  [307, "POST", "POST"],
  [308, "POST", "POST"],
  [303, "HEAD", "HEAD"],
]) {
  promise_test(async () => {
    const token = newToken();
    const end = respond(CROSS_SITE_TOO, allowed({ token }));
    const body = method === "POST" ? "text" : undefined;
    await fetch(allowedRedirect(CROSS_SITE, end, { status }), { method, body });
    const [record] = await seen(token);
    assert_equals(record.method, expected);
    assert_equals(record.body, expected === "POST" ? "text" : "");
    assert_equals(headerOf(record, "content-type") !== null, expected === "POST", "a type comes with a body only");
  }, `A ${method} after ${status} is a ${expected}`);
}

promise_test(async () => {
  const token = newToken();
  const preflight = { "preflight-header": [ALLOW_ALL, "Access-Control-Allow-Methods:PUT"] };
  const end = respond(CROSS_SITE_TOO, allowed({ token, ...preflight }));
  await fetch(allowedRedirect(CROSS_SITE, end, { status: 307, ...preflight }), { method: "PUT" });
  const methods = (await seen(token)).map((record) => record.method);
  assert_array_equals(methods, ["OPTIONS", "PUT"]);
}, "After a redirect there is another preflight");

promise_test(async () => {
  const token = newToken();
  const preflight = { "preflight-header": [ALLOW_ALL, "Access-Control-Allow-Headers:authorization,x-custom"] };
  const end = respond(CROSS_SITE_TOO, allowed({ token, ...preflight }));
  await fetch(allowedRedirect(CROSS_SITE, end, preflight), { headers: { Authorization: "x", "X-Custom": "1" } });
  const request = (await seen(token)).find((record) => !record.isPreflight);
  assert_equals(headerOf(request, "authorization"), null);
  assert_equals(headerOf(request, "x-custom"), "1");
}, "At a change of origin Authorization is left out, and nothing else");

for (const [count, isFollowed] of [[20, true], [21, false]]) {
  promise_test(async (t) => {
    const promise = fetch(allowedRedirect(CROSS_SITE, respond(CROSS_SITE, allowed()), { count }));
    if (isFollowed) {
      assert_equals((await promise).status, 200);
    } else {
      await rejects(t, promise);
    }
  }, `${count} redirects are ${isFollowed ? "followed" : "too many"}`);
}

for (const [title, location] of [
  ["a data: URL", "data:text/plain,x"],
  ["a scheme that is not fetched", "other:x"],
  ["a URL that does not parse", "https://:0:0/"],
]) {
  promise_test((t) => rejects(t, fetch(allowedRedirect(CROSS_SITE, location))), `A redirect to ${title}`);
}

promise_test(async (t) => {
  const end = new URL(respond(CROSS_SITE, allowed()));
  end.username = "user";
  await rejects(t, fetch(allowedRedirect(CROSS_SITE, end.href)));
}, "A redirect to a URL with credentials");

promise_test((t) => rejects(t, fetch(allowedRedirect(CROSS_SITE, respond(CROSS_SITE, allowed())), { redirect: "error" })), "Redirect mode error");

promise_test(async () => {
  const response = await fetch(redirect(CROSS_SITE, respond(CROSS_SITE, allowed()), { header: ALLOW_ALL }), { redirect: "manual" });
  assert_equals(response.type, "opaqueredirect");
  assert_equals(response.status, 0);
}, "Redirect mode manual");

promise_test(async () => {
  const response = await fetch(respond(CROSS_SITE, allowed({ status: 302, body: "here" })));
  assert_equals(response.status, 302);
  assert_equals(await response.text(), "here");
}, "A redirect that leads nowhere is a response");
