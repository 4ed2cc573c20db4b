// META: title=CORS: preflights, what they say and what is answered
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const preflighted = (...fields) => ({ header: [ALLOW_TEST, ALLOW_CREDENTIALS], "preflight-header": fields });

async function sends(t, parameters, init, expected, origin = CROSS_SITE) {
  const token = newToken();
  const promise = fetch(respond(origin, { ...parameters, token }), init);
  if (expected) {
    await promise;
  } else {
    await rejects(t, promise);
  }
  const records = await seen(token);
  assert_true(records[0].isPreflight, "a preflight goes first");
  assert_equals(records.length, expected ? 2 : 1, "requests");
  return records;
}

promise_test(async (t) => {
  const [preflight, request] = await sends(
    t,
    preflighted(ALLOW_TEST, "Access-Control-Allow-Methods:PUT", "Access-Control-Allow-Headers:x-b,x-a,content-type"),
    { method: "PUT", headers: { "X-B": "1", "X-A": "2", Accept: "text/x", "Content-Type": "application/json" }, body: "{}" },
    true
  );
  assert_equals(preflight.method, "OPTIONS");
  assert_equals(headerOf(preflight, "origin"), TEST_ORIGIN);
  assert_equals(headerOf(preflight, "access-control-request-method"), "PUT");
  assert_equals(headerOf(preflight, "access-control-request-headers"), "content-type,x-a,x-b");
  assert_equals(headerOf(preflight, "accept"), "*/*");
  assert_equals(preflight.bodyLength, 0);
  for (const name of ["x-a", "x-b", "content-type", "cookie", "authorization"]) {
    assert_equals(headerOf(preflight, name), null, name);
  }
  assert_equals(request.body, "{}");
  assert_equals(headerOf(request, "access-control-request-method"), null);
}, "What a preflight says");

promise_test(async (t) => {
  const [preflight] = await sends(
    t,
    preflighted(ALLOW_TEST, "Access-Control-Allow-Methods:PUT"),
    { method: "PUT" },
    true
  );
  assert_equals(headerOf(preflight, "access-control-request-headers"), null);
}, "A preflight for a method alone names no header fields");

const PUT = { method: "PUT" };
const CUSTOM = { headers: { "X-Custom": "1" } };
const withCredentials = (init) => ({ ...init, credentials: "include" });

for (const [title, fields, init, expected] of [
  ["a wildcard for methods", [ALLOW_ALL, "Access-Control-Allow-Methods:*"], PUT, true],
  ["a wildcard for methods, with credentials", [ALLOW_TEST, ALLOW_CREDENTIALS, "Access-Control-Allow-Methods:*"], withCredentials(PUT), false],
  ["a wildcard for header fields", [ALLOW_ALL, "Access-Control-Allow-Headers:*"], CUSTOM, true],
  ["a wildcard for header fields, with credentials", [ALLOW_TEST, ALLOW_CREDENTIALS, "Access-Control-Allow-Headers:*"], withCredentials(CUSTOM), false],
  ["Authorization by its name", [ALLOW_ALL, "Access-Control-Allow-Headers:authorization"], { headers: { Authorization: "x" } }, true],
  ["Authorization beside a wildcard", [ALLOW_ALL, "Access-Control-Allow-Headers:*, Authorization"], { headers: { Authorization: "x" } }, true],
  ["one of several methods", [ALLOW_ALL, "Access-Control-Allow-Methods:PATCH, PUT,DELETE"], PUT, true],
  ["methods in several fields", [ALLOW_ALL, "Access-Control-Allow-Methods:PATCH", "Access-Control-Allow-Methods:PUT"], PUT, true],
  ["header fields in several fields", [ALLOW_ALL, "Access-Control-Allow-Headers:x-other", "Access-Control-Allow-Headers:x-custom"], CUSTOM, true],
  ["a header field in other case", [ALLOW_ALL, "Access-Control-Allow-Headers:X-CUSTOM"], CUSTOM, true],
  ["no word on the method", [ALLOW_ALL], PUT, false],
  ["no word on the header field", [ALLOW_ALL], CUSTOM, false],
  ["one of two header fields", [ALLOW_ALL, "Access-Control-Allow-Headers:x-custom"], { headers: { "X-Custom": "1", "X-More": "2" } }, false],
  ["the beginning of the header field's name", [ALLOW_ALL, "Access-Control-Allow-Headers:x-cust"], CUSTOM, false],
  ["no origin", ["Access-Control-Allow-Methods:PUT"], PUT, false],
  ["another origin", [`Access-Control-Allow-Origin:${OTHER_ORIGIN}`, "Access-Control-Allow-Methods:PUT"], PUT, false],
  ["credentials, to a request with them", [ALLOW_TEST, ALLOW_CREDENTIALS, "Access-Control-Allow-Methods:PUT"], withCredentials(PUT), true],
  ["no credentials, to a request with them", [ALLOW_TEST, "Access-Control-Allow-Methods:PUT"], withCredentials(PUT), false],
  ["everybody, to a request with credentials", [ALLOW_ALL, ALLOW_CREDENTIALS, "Access-Control-Allow-Methods:PUT"], withCredentials(PUT), false],
  ["GET, which is not listed", [ALLOW_ALL, "Access-Control-Allow-Methods:PUT", "Access-Control-Allow-Headers:x-custom"], CUSTOM, true],
  ["POST, which is not listed", [ALLOW_ALL, "Access-Control-Allow-Methods:PUT", "Access-Control-Allow-Headers:x-custom"], { ...CUSTOM, method: "POST" }, true],
]) {
  promise_test((t) => sends(t, preflighted(...fields), init, expected), `${expected ? "Enough" : "Not enough"}: ${title}`);
}

const ALLOWED = [ALLOW_ALL, "Access-Control-Allow-Methods:PUT"];

for (const [status, expected] of [[200, true], [204, true], [299, true], [300, false], [304, false], [401, false], [405, false], [500, false]]) {
  promise_test(
    (t) => sends(t, { ...preflighted(...ALLOWED), "preflight-status": status }, PUT, expected),
    `A preflight with status ${status} ${expected ? "is as good as another" : "fails"}`
  );
}

for (const status of [301, 302, 303, 307, 308]) {
  promise_test(async (t) => {
    const next = newToken();
    const location = `Location:${respond(CROSS_SITE, { ...preflighted(...ALLOWED), token: next })}`;
    await sends(t, { ...preflighted(...ALLOWED, location), "preflight-status": status }, PUT, false);
    assert_array_equals(await seen(next), [], "it is not followed");
  }, `A preflight with a redirect fails: ${status}`);
}

for (const kind of ["close", "reset", "garbage"]) {
  promise_test(
    async (t) => {
      const token = newToken();
      await rejects(t, fetch(respond(CROSS_SITE, { "preflight-break": kind, header: ALLOW_ALL, token }), PUT));
      assert_true((await seen(token)).every((record) => record.isPreflight));
    },
    `A preflight without a response fails: ${kind}`
  );
}
