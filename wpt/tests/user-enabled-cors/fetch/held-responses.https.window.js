// META: title=User-enabled CORS: responses that are held while the user thinks
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(respond(TARGET, { token, size: 256 * 1024 }));
  await user.decide(t, "once");
  assert_equals((await (await promise).arrayBuffer()).byteLength, 256 * 1024);
  assert_equals((await seen(token)).length, 1);
}, "256 KiB are held and released");

user_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const promise = fetch(respond(TARGET, { token, ends, size: 3000000 }));
  await user.question(t);
  await endOf(t, ends);
  await user.decide(t, "once");
  assert_equals((await (await promise).arrayBuffer()).byteLength, 3000000);
  const records = await seen(token);
  assert_equals(records.length, 2, "it is asked for again");
  assert_equals(headerOf(records[1], "sec-user-enabled-cors"), "?1");
}, "What is too large to be held is let go and asked for again");

user_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const promise = fetch(respond(TARGET, { token, ends, size: 3000000 }), { method: "POST", body: "x" });
  await user.question(t);
  await endOf(t, ends);
  await user.decide(t, "once");
  await rejects(t, promise);
  assert_equals((await seen(token)).length, 1);
}, "The response to a POST that is too large is a failure, as it would have to be sent again");

user_test(async (t) => {
  const [token, gate] = [newToken(), newToken()];
  const promise = fetch(respond(TARGET, { token, "hold-body": gate, body: "abcd" }));
  await user.decide(t, "once");
  const response = await promise;
  const reader = response.body.getReader();
  assert_equals(new TextDecoder().decode((await reader.read()).value), "ab");
  await release(gate);
  assert_equals(new TextDecoder().decode((await reader.read()).value), "cd");
  assert_equals((await seen(token)).length, 1);
}, "What has not come yet comes after the answer");

for (const method of ["GET", "POST"]) {
  user_test(async (t) => {
    const token = newToken();
    const promise = fetch(handler(TARGET, "broken.py", { token, kind: "cut-body" }), { method, body: method === "GET" ? undefined : "x" });
    await user.decide(t, "once");
    await rejects(t, promise.then((response) => response.text()));
    assert_less_than_equal((await seen(token)).filter((record) => record.method === "POST").length, 1);
  }, `A connection that ends while the user thinks: ${method}`);
}

user_test(async (t) => {
  const tokens = [];
  const promises = [];
  for (let count = 0; count < 40; count++) {
    tokens.push(newToken());
    promises.push(fetch(respond(TARGET, { token: tokens[count], body: "text" })).then((response) => response.text()));
  }
  for (const token of tokens) {
    await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
  }
  const own = await fetch(respond(TEST_ORIGIN, { body: "own" }));
  assert_equals(await own.text(), "own", "other requests go on meanwhile");
  await user.decide(t, "visit");
  assert_array_equals(await Promise.all(promises), Array(40).fill("text"), "all are read, held or asked for again");
}, "More requests than are held");

user_test(async (t) => {
  const promises = [];
  for (let count = 0; count < 6; count++) {
    promises.push(rejects(t, fetch(respond(TARGET, { endless: "", n: count }))));
  }
  await user.question(t);
  const allowed = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "own" }));
  assert_equals(await allowed.text(), "own");
  await user.decide(t, "not-now");
  await Promise.all(promises);
}, "Endless bodies that are held keep no other request waiting");

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(respond(TARGET, { token, body: "done" }), { method: "POST", body: "x" });
  await user.question(t);
  await user.advance(119000);
  await user.decide(t, "once");
  assert_equals(await (await promise).text(), "done");
  assert_equals((await seen(token)).length, 1);
}, "A POST that is held for nearly two minutes is sent once");
