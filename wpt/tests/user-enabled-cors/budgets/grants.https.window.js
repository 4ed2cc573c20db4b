// META: title=User-enabled CORS: what a permission gives in a day
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const DAY = 24 * 3600 * 1000;
const budget = (name, value) => user.setPreference(`user_cors.budget.${name}`, value);
const isRead = (url, init) => fetch(url, init).then((response) => response.arrayBuffer()).then(() => true, () => false);

for (const choice of ["visit", "always"]) {
  user_test(async (t) => {
    await budget("requests", 5);
    await user.fetch(t, choice, respond(TARGET));
    for (let count = 1; count < 5; count++) {
      await user.assertRead(respond(TARGET));
    }
    assert_true((await user.permissions()).grants[0].spent);
    await user.assertAsked(t, respond(TARGET));
  }, `So many requests: ${choice}`);

  user_test(async (t) => {
    await budget("requests", 2);
    await user.fetch(t, choice, respond(TARGET));
    await user.assertRead(respond(TARGET));
    await user.advance(DAY - 1);
    await user.assertAsked(t, respond(TARGET));
    await user.advance(1);
    await user.assertRead(respond(TARGET));
  }, `A day later there is another day's: ${choice}`);

  user_test(async (t) => {
    await budget("requests", 2);
    await user.fetch(t, choice, respond(TARGET));
    await user.assertRead(respond(TARGET));
    await user.fetch(t, choice, respond(TARGET));
    await user.assertRead(respond(TARGET));
    await user.assertAsked(t, respond(TARGET));
  }, `Who is asked again gives as much again: ${choice}`);

  user_test(async (t) => {
    await budget("bytes", 1000);
    await (await user.fetch(t, choice, respond(TARGET, { size: 600 }))).arrayBuffer();
    assert_false(await isRead(respond(TARGET, { size: 600 })), "it ends where the budget does");
    await user.assertAsked(t, respond(TARGET));
  }, `So many bytes: ${choice}`);

  user_test(async (t) => {
    await budget("bytes", 1000);
    await (await user.fetch(t, choice, respond(TARGET, { size: 600 }))).arrayBuffer();
    assert_true(await isRead(respond(TARGET, { size: 400 })));
    await user.assertAsked(t, respond(TARGET));
  }, `To the last one: ${choice}`);

  user_test(async (t) => {
    await budget("response_bytes", 1000);
    await (await user.fetch(t, choice, respond(TARGET, { size: 1000 }))).arrayBuffer();
    assert_true(await isRead(respond(TARGET, { size: 1000 })));
    assert_false(await isRead(respond(TARGET, { size: 1001 })));
  }, `So many in one response: ${choice}`);
}

user_test(async (t) => {
  await budget("response_bytes", 1000);
  const response = await user.fetch(t, "visit", respond(TARGET, { size: 5000 }));
  await rejects(t, response.arrayBuffer());
}, "A response that is larger than one may be ends with an error");

user_test(async (t) => {
  await budget("response_bytes", 1000);
  const response = await user.fetch(t, "visit", respond(TARGET, { size: 100000, gzip: "" }));
  await rejects(t, response.arrayBuffer());
}, "What counts is what the page gets, and not what is sent of it");

user_test(async (t) => {
  await budget("requests", 1);
  for (const target of [TARGET, ONCE_TOO]) {
    await user.fetch(t, "visit", respond(target));
    await user.assertAsked(t, respond(target));
  }
}, "Each permission has one of its own");

user_test(async () => {
  await budget("requests", 1);
  await budget("bytes", 1);
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  for (let count = 0; count < 3; count++) {
    assert_equals((await user.assertRead(respond(TARGET, { size: 100 }))).length, 100);
  }
}, "What policy allows has none");

user_test(async () => {
  await budget("requests", 0);
  await budget("bytes", 0);
  await fetch(respond(TARGET, { header: ALLOW_ALL, size: 100 })).then((response) => response.text());
  await fetch(respond(TEST_ORIGIN, { size: 100 })).then((response) => response.text());
}, "What servers allow has none");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  for (let count = 0; count < 200; count++) {
    await user.assertRead(respond(TARGET));
  }
}, "There is enough of it by default");
