// META: title=User-enabled CORS: the user's own blocklist
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/targets.sub.js

const TARGET = ANSWERS.once;
const HOST = new URL(TARGET).hostname;
const PARENT = HOST.slice(HOST.indexOf(".") + 1);
const REQUESTS = [
  ["GET", {}],
  ["POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["a header field", { headers: { "X-Custom": "1" } }],
];

for (const [title, entry] of [
  ["its origin", TARGET],
  ["its host", HOST],
  ["a domain above it", PARENT],
]) {
  for (const [what, init] of REQUESTS) {
    user_test(async (t) => {
      await user.block(entry);
      const token = newToken();
      await user.assertRefused(t, respond(TARGET, { token }), init);
      assert_false((await seen(token)).some((record) => headerOf(record, "sec-user-enabled-cors")));
    }, `Nobody is asked: ${title}, ${what}`);

    user_test(async (t) => {
      await user.fetch(t, "visit", respond(TARGET), init);
      await user.block(entry);
      await user.assertRefused(t, respond(TARGET), init);
      await user.unblock(entry);
      await user.assertRead(respond(TARGET), init);
    }, `It beats a permission, which is there afterwards: ${title}, ${what}`);
  }

  user_test(async (t) => {
    const promise = rejects(t, fetch(respond(TARGET)));
    await user.question(t);
    await user.block(entry);
    await promise;
    await user.assertNotAsked();
  }, `It ends a question: ${title}`);

  answered_test("always", async (t) => {
    await user.block(entry);
    await rejects(t, fetch(respond(TARGET)));
  }, `It beats rules: ${title}`);

  user_test(async (t) => {
    await user.block(entry);
    await user.assertRefused(t, redirect(ANSWERS.visit, respond(TARGET)));
    await user.assertRefused(t, redirect(TARGET, respond(ANSWERS.visit)));
  }, `No chain goes there, or comes from there: ${title}`);

  user_test(async () => {
    await user.block(entry);
    const response = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "text" }));
    assert_equals(await response.text(), "text");
    assert_equals((await fetch(respond(TARGET), { mode: "no-cors" })).type, "opaque");
  }, `What the server allows is as ever: ${title}`);
}

for (const [title, entry] of [
  ["another host", new URL(ONCE_TOO).hostname],
  ["another port", TARGET.replace(/\d+$/, "1234")],
  ["another scheme", TARGET.replace("https", "http")],
  ["a host below it", `sub.${HOST}`],
  ["a host with the same end", `x${HOST}`],
  ["a part of it", HOST.slice(1)],
]) {
  user_test(async (t) => {
    await user.block(entry);
    await user.fetch(t, "once", respond(TARGET));
  }, `Others are asked about: ${title}`);
}

user_test(async (t) => {
  await user.block(HOST.toUpperCase()).catch(() => user.block(HOST));
  await user.assertRefused(t, respond(TARGET));
}, "Letters of any case");

user_test(async (t) => {
  await user.block(new URL(REMEMBERING).hostname);
  await user.assertRefused(t, respond(REMEMBERING));
  await user.fetch(t, "once", respond(CLEARING));
}, "A host with other letters than ASCII");

user_test(async (t) => {
  await user.block(TARGET);
  await user.unblock(TARGET);
  await user.fetch(t, "once", respond(TARGET));
}, "What is taken off is asked about again");

user_test(async (t) => {
  await user.block(HOST);
  await user.block(TARGET);
  await user.unblock(TARGET);
  await user.assertRefused(t, respond(TARGET));
}, "Each entry counts by itself");

for (const entry of ["*", "*.example.org", "https://", "not a host", "https://a.example/path", ""]) {
  user_test(async (t) => {
    const isTaken = await user.block(entry).then(() => true, () => false);
    assert_false(isTaken);
    await user.fetch(t, "once", respond(TARGET));
  }, `Not an entry: "${entry}"`);
}
