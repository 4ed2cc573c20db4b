// META: title=User-enabled CORS: names that end in a dot
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// With a dot at its end a name leads to the same server, and is of another origin: what a list, a denial or the server itself
// said of the one would not be found for the other.
const withDot = (origin) => origin.replace(/:\d+$/, ".$&");
const TARGET = ANSWERS.once;
const DOTTED = withDot(TARGET);
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;

for (const [title, init] of [
  ["GET", {}],
  ["HEAD", { method: "HEAD" }],
  ["POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["a header field", { headers: { "X-Custom": "1" } }],
]) {
  user_test(async (t) => {
    const token = newToken();
    await user.assertRefused(t, respond(DOTTED, { token }), init);
    const records = await seen(token);
    assert_greater_than(records.length, 0, "the server was reached");
    assert_false(records.some(isAnonymous), "nothing is sent for the user");
  }, `Nobody is asked: ${title}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), init);
    await user.assertRefused(t, respond(DOTTED), init);
    await user.assertRead(respond(TARGET), init);
  }, `What was allowed without the dot does not hold with it: ${title}`);

  answered_test("always", async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(DOTTED, { token }), init));
    assert_false((await seen(token)).some(isAnonymous), "nothing is sent for the user");
    assert_array_equals((await user.permissions()).grants, []);
  }, `Rules do not allow it: ${title}`);
}

user_test(async (t) => {
  const token = newToken();
  await user.assertRefused(t, redirect(ANSWERS.visit, respond(DOTTED, { token })));
  assert_array_equals(await seen(token), [], "nothing is sent there");
}, "No chain leads there");

user_test(async (t) => {
  const token = newToken();
  await user.assertRefused(t, redirect(DOTTED, respond(TARGET, { token })));
  assert_array_equals(await seen(token), [], "it is not followed");
}, "No chain comes from there");

user_test(async () => {
  const response = await fetch(respond(DOTTED, { header: ALLOW_ALL, body: "text" }));
  assert_equals(await response.text(), "text");
}, "What such a server allows is as ever");

// What a top-level page of this origin gets. It tells its opener.
function fetchedBy(t, origin, url) {
  const script = `fetch(${JSON.stringify(url)}).then((r) => r.text(), (e) => e.name).then((result) => opener.postMessage({ result }, "*"));`;
  return new Promise((resolve) => {
    addEventListener("message", (event) => resolve(event.data.result), { once: true });
    const other = window.open(respond(origin, { type: "text/html", body: `<script>${script}<\/script>` }));
    t.add_cleanup(() => other.close());
  });
}

answered_test("visit", async (t) => {
  assert_equals(await fetchedBy(t, ANSWERS.never, respond(TARGET, { body: "text" })), "text");
}, "A page whose name ends otherwise may ask");

answered_test("visit", async (t) => {
  const token = newToken();
  assert_equals(await fetchedBy(t, withDot(ANSWERS.never), respond(TARGET, { token })), "TypeError");
  assert_equals((await seen(token)).length, 1, "nothing is sent again");
  assert_array_equals((await user.permissions()).grants, []);
}, "One whose name ends in a dot may not");

answered_test("visit", async (t) => {
  const url = respond(TARGET, { header: ALLOW_ALL, body: "text" });
  assert_equals(await fetchedBy(t, withDot(ANSWERS.never), url), "text");
}, "It reads what the server allows");
