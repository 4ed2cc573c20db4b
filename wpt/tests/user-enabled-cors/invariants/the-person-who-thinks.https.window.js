// META: title=User-enabled CORS: a person who thinks keeps nothing else waiting
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/http2.sub.js

const TARGET = ANSWERS.once;

for (const [title, origin] of [["HTTP/2", H2_ONCE], ["HTTP/1.1", TARGET]]) {
  user_test(async (t) => {
    const held = [];
    for (let count = 0; count < (origin === TARGET ? 6 : 100); count++) {
      held.push(rejects(t, fetch(respond(origin, { endless: "", n: count }))));
    }
    await user.question(t);
    const allowed = await fetch(respond(origin, { size: 300000, header: ALLOW_ALL }));
    assert_equals((await allowed.arrayBuffer()).byteLength, 300000);
    await user.decide(t, "not-now");
    await Promise.all(held);
  }, `Endless bodies that are held, and another of the same server: ${title}`);
}

for (const kind of ["close", "reset", "cut-body", "bad-chunk"]) {
  for (const method of ["GET", "POST"]) {
    user_test(async (t) => {
      const token = newToken();
      const url = kind === "cut-body" || kind === "bad-chunk" ? handler(TARGET, "broken.py", { token, kind }) : null;
      const promise = fetch(url || respond(TARGET, { token, break: kind }), { method, body: method === "POST" ? "x" : undefined });
      if (url) {
        await user.decide(t, "once");
      }
      await rejects(t, promise.then((response) => response.text()));
      const posts = (await seen(token)).filter((record) => record.method === "POST");
      assert_less_than_equal(posts.length, 1, "nothing unsafe is sent twice");
    }, `A server that ends it early: ${kind}, ${method}`);
  }
}

// A server that breaks off while the user thinks, and answers in full the next time.
for (const kind of ["cut-body", "bad-chunk"]) {
  const begin = (token, method) =>
    fetch(handler(TARGET, "turns.py", { token, turn: [`break=${kind}`, "body=whole"] }), { method, body: method === "POST" ? "x" : undefined });

  user_test(async (t) => {
    const token = newToken();
    const promise = begin(token, "GET");
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "whole");
    const records = await seen(token);
    assert_equals(records.length, 2);
    assert_equals(headerOf(records[1], "sec-user-enabled-cors"), "?1", "it is an anonymous request");
  }, `What was held and broke off is asked for again: ${kind}`);

  user_test(async (t) => {
    const token = newToken();
    const promise = begin(token, "POST");
    await user.decide(t, "once");
    await rejects(t, promise);
    assert_equals((await seen(token)).length, 1);
  }, `Unless it was a POST, which fails before its page sees a header field: ${kind}`);
}

// 32 of them are half a gigabyte, and 16 KiB each over the wire.
const BOMB = { size: 16777216, gzip: "" };

user_test(async (t) => {
  const held = [];
  for (let count = 0; count < 32; count++) {
    held.push(rejects(t, fetch(respond(TARGET, { ...BOMB, n: count }))));
  }
  await user.question(t, (question) => question.requests.length === 32);
  const allowed = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "own" }));
  assert_equals(await allowed.text(), "own");
  await user.decide(t, "not-now");
  await Promise.all(held);
}, "Bodies that are much larger than what is sent of them keep nobody waiting");

user_test(async (t) => {
  const token = newToken();
  const response = await user.fetch(t, "once", respond(TARGET, { ...BOMB, token }));
  let length = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    length += value.length;
  }
  assert_equals(length, BOMB.size);
  assert_less_than_equal((await seen(token)).length, 2);
}, "One of them is read in full");

user_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const promise = fetch(respond(TARGET, { token, ends, size: 20000000 }));
  await user.question(t);
  await endOf(t, ends);
  await user.decide(t, "once");
  assert_equals((await (await promise).arrayBuffer()).byteLength, 20000000);
  assert_equals((await seen(token)).length, 2, "it was let go and asked for again");
}, "A large body is not kept");

for (const [title, init, isSent] of [
  ["GET", {}, 1],
  ["POST", { method: "POST", body: "x" }, 1],
  ["PUT", { method: "PUT", body: "x" }, 1],
]) {
  user_test(async (t) => {
    const token = newToken();
    const promise = fetch(respond(TARGET, { token, body: "done" }), init);
    await user.question(t);
    await user.advance(119000);
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "done");
    assert_equals((await seen(token)).filter((record) => !record.isPreflight).length, isSent);
  }, `An answer after 119 s: ${title}`);
}

user_test(async (t) => {
  const tokens = Array.from({ length: 40 }, newToken);
  const promises = tokens.map((token) => fetch(respond(TARGET, { token }), { method: "POST", body: "x" }).then(() => true, () => false));
  await user.question(t, (question) => question.requests.length === 40);
  await user.decide(t, "once");
  const results = await Promise.all(promises);
  for (const [index, token] of tokens.entries()) {
    assert_equals((await seen(token)).length, 1, `${index}, read: ${results[index]}`);
  }
  assert_greater_than_equal(results.filter((isRead) => isRead).length, 32, "as many as are held");
}, "Forty held POSTs are sent once each");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TEST_ORIGIN, { body: "own" }), false);
  const promise = fetch(respond(TARGET));
  await user.question(t);
  xhr.send();
  assert_equals(xhr.responseText, "own");
  await user.decide(t, "once");
  await promise;
}, "A synchronous request of the page goes on");
