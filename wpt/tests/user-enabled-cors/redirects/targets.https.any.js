// META: title=User-enabled CORS: redirects: which targets a chain may have
// META: script=/user-enabled-cors/resources/servers.sub.js

const reads = (title, url) =>
  promise_test(async () => {
    const response = await fetch(url(newToken()));
    assert_equals(response.type, "cors");
    assert_true(response.redirected);
    assert_equals(await response.text(), "end");
  }, `Read: ${title}`);
const end = (origin, parameters) => respond(origin, { body: "end", ...parameters });

// In what follows A is the requester, and B, C and D are silent.
const [B, C, D] = [ANSWERS.once, ONCE_TOO, ANSWERS.visit];

reads("A to B to B", () => redirect(B, end(B)));
reads("A to B to C", () => redirect(B, end(C)));
reads("A to B to C to D", () => redirect(B, redirect(C, end(D))));
reads("A to B to C to B", () => redirect(B, redirect(C, end(B))));
reads("A to B to A, which allows everybody", () => redirect(B, end(TEST_ORIGIN, { header: ALLOW_ALL })));
reads("A to A to B", () => redirect(TEST_ORIGIN, end(B)));
reads("A to A to B to C", () => redirect(TEST_ORIGIN, redirect(B, end(C))));
reads("A to B, which allows it, to C", () => redirect(B, end(C), { header: ALLOW_ALL }));
reads("A to B to C, which allows it", () => redirect(B, end(C, { header: ALLOW_ALL })));
reads("20 redirects", () => redirect(B, end(B), { count: 20 }));
for (const status of [301, 302, 303, 307, 308]) {
  reads(`a redirect with status ${status}`, () => redirect(B, end(C), { status }));
}

const fails = (title, url, init) => promise_test((t) => rejects(t, fetch(url(), init)), `Not read: ${title}`);

fails("A to B to A, which is silent", () => redirect(B, end(TEST_ORIGIN)));
fails("A to B to C to A, which is silent", () => redirect(B, redirect(C, end(TEST_ORIGIN))));
fails("A to B to one that is declined", () => redirect(B, end(ANSWERS.notNow)));
fails("A to B to C to one that is declined", () => redirect(B, redirect(C, end(ANSWERS.notNow))));
fails("A to one that is declined, to B", () => redirect(ANSWERS.notNow, end(B)));
fails("A to B to one that allows another origin", () => redirect(B, end(C, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })));
fails("A to B, which allows another origin, to C", () => redirect(B, end(C), { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }));
fails("A to B to one that opts out", () => redirect(B, end(C, { header: "Access-Control-Prevent-Origin:*" })));
fails("A to B, which opts out, to C", () => redirect(B, end(C), { header: "Access-Control-Prevent-Origin:*" }));
fails("A to B to one whose policy is same-origin", () => redirect(B, end(C, { header: "Cross-Origin-Resource-Policy:same-origin" })));
fails("A to B, whose policy is same-origin, to C", () => redirect(B, end(C), { header: "Cross-Origin-Resource-Policy:same-origin" }));
fails("21 redirects", () => redirect(B, end(B), { count: 21 }));
fails("with credentials", () => redirect(B, end(C)), { credentials: "include" });
fails("redirect mode error", () => redirect(B, end(C)), { redirect: "error" });
fails("a data: URL", () => redirect(B, "data:text/plain,end"));
fails("a scheme that is not fetched", () => redirect(B, "other:x"));
fails("a URL that does not parse", () => redirect(B, "https://:0:0/"));
fails("a URL with credentials", () => redirect(B, end(C).replace("//", "//user@")));
fails("a bad port", () => redirect(B, end(C).replace(/:\d+\//, ":1/")));
fails("integrity that does not hold", () => redirect(B, end(C)), { integrity: "sha256-mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE=" });

for (const [title, origin] of [["without TLS", INSECURE], ["in the local network", LOCAL]]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(redirect(B, end(origin, { token }))));
    assert_array_equals(await seen(token), [], "nothing is sent there");
  }, `Not read, and nothing is sent: A to B to one ${title}`);
}

promise_test(async () => {
  const response = await fetch(redirect(B, end(C, { header: "X-Custom:1" })));
  assert_equals(response.url, end(C, { header: "X-Custom:1" }));
  assert_equals(response.headers.get("x-custom"), "1");
}, "The response is the last one's");

promise_test(async () => {
  const header = [ALLOW_ALL, "X-Custom:1", "X-Exposed:2", exposing("X-Exposed")];
  const response = await fetch(redirect(B, end(C, { header })));
  assert_equals(response.headers.get("x-exposed"), "2");
  assert_equals(response.headers.get("x-custom"), null, "the server's word says what is seen");
  assert_equals(await response.text(), "end");
}, "Of a last server that allows it the page sees what that one exposes");

promise_test(async () => {
  const header = [ALLOW_ALL, "X-Custom:1"];
  const response = await fetch(redirect(B, redirect(C, end(B, { header }))));
  assert_equals(response.headers.get("x-custom"), "1");
}, "Of one that the user allowed it sees every field");
