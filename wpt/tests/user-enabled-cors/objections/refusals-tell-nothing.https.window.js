// META: title=User-enabled CORS: an objection: the page learns things from refusals
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const describe = (error) => JSON.stringify([error.constructor.name, error.name, error.message, Object.keys(error)]);
const failureOf = (promise) => promise.then(() => assert_unreached("it is refused"), describe);
const plain = () => failureOf(fetch(respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })));

// Reads in a top-level page of another site and tells whether that worked.
function isReadElsewhere(t, url) {
  const script = `fetch(${JSON.stringify(url)}).then(() => true, () => false).then((result) => opener.postMessage({ result }, "*"));`;
  const page = respond(ANSWERS.never, { type: "text/html", body: `<script>${script}<\/script>` });
  return new Promise((resolve) => {
    addEventListener("message", (event) => resolve(event.data.result), { once: true });
    const other = window.open(page);
    t.add_cleanup(() => other.close());
  });
}

async function notNow(t, times) {
  for (let count = 0; count < times; count++) {
    await user.input();
    await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  }
}

for (const [title, prepare] of [
  ["what the user never allows", (t) => rejects(t, user.fetch(t, "never", respond(TARGET)))],
  ["what the user declined a moment ago", (t) => notNow(t, 1)],
  ["what the user declined too often", (t) => notNow(t, 3)],
  ["a target on the user's blocklist", () => user.block(TARGET)],
  ["a target that policy blocks", () => user.policy({ BlockedTargets: [TARGET] })],
  ["a page that policy blocks", () => user.policy({ BlockedRequesters: [TEST_ORIGIN] })],
  ["switched off by the user", () => user.setPreference("user_cors.enabled", false)],
  ["switched off by policy", () => user.policy({ Enabled: false })],
  ["a policy that is wrong", () => user.setPolicy("{")],
  ["a target in the local network", () => user.setAddressSpaces("")],
  ["a target that opted out earlier", (t) => rejects(t, fetch(respond(TARGET, { header: "Access-Control-Prevent-Origin:*;max-age=60" })))],
]) {
  for (const method of ["GET", "POST", "PUT"]) {
    user_test(async (t) => {
      const expected = await plain();
      await prepare(t);
      const url = respond(TARGET, { for: newToken() });
      assert_equals(await failureOf(fetch(url, { method })), expected);
      assert_equals(performance.getEntriesByName(url).filter((entry) => entry.responseStatus !== 0).length, 0);
    }, `The same error: ${title}, ${method}`);
  }
}

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.alwaysAnswer("once");
  await rejects(t, fetch(respond(TARGET)));
  assert_true(await isReadElsewhere(t, respond(TARGET)));
}, "What is denied here says nothing elsewhere");

user_test(async (t) => {
  await notNow(t, 3);
  await user.alwaysAnswer("once");
  await rejects(t, fetch(respond(TARGET)));
  assert_true(await isReadElsewhere(t, respond(TARGET)));
}, "Nor does an embargo");

user_test(async (t) => {
  await rejects(t, fetch(respond(TARGET, { header: "Access-Control-Prevent-Origin:*;max-age=60" })));
  await user.alwaysAnswer("once");
  assert_true(await isReadElsewhere(t, respond(TARGET)));
}, "Nor does an opt-out");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.alwaysAnswer("not-now");
  await fetch(respond(TARGET));
  assert_false(await isReadElsewhere(t, respond(TARGET)));
}, "Nor does a permission");
