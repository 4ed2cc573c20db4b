// META: title=User-enabled CORS: requests that the browser makes by itself
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

user_test(async (t) => {
  const token = newToken();
  const turn = (pairs) => new URLSearchParams(pairs).toString();
  const kept = [["body", "kept"], ["header", "Cache-Control:max-age=0, stale-while-revalidate=600"], ["header", ALLOW_ALL]];
  const url = handler(ANSWERS.once, "turns.py", { token, turn: [turn(kept), turn([["body", "new"]])] });
  assert_equals(await (await fetch(url)).text(), "kept");
  assert_equals(await (await fetch(url)).text(), "kept", "the stored response is used");
  await eventually(t, async () => (await seen(token)).length === 2, "it is refreshed");
  // The server says nothing of the page by now, and nobody waits for what it says.
  for (let i = 0; i < 10; i++) {
    await fetch(respond(TEST_ORIGIN));
    await user.assertNotAsked();
  }
}, "Nobody is asked when a stored response is refreshed");
