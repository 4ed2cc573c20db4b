// META: title=User-enabled CORS: how long an opt-out is remembered
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/opt-out.sub.js

const preventing = (target, ...values) =>
  respond(target, { header: values.map((value) => `Access-Control-Prevent-Origin:${value}`) });
const isRead = (url, init) => fetch(url, init).then(() => true, () => false);
let next = 0;

function remembered_test(title, values, expected) {
  const target = TARGETS[next++];
  promise_test(async () => {
    assert_true(await isRead(respond(target)), "it is allowed before");
    for (const value of values) {
      await isRead(preventing(target, value));
    }
    assert_equals(await isRead(respond(target)), !expected);
  }, `${expected ? "Remembered" : "Not remembered"}: ${title}`);
}

remembered_test("a max-age", ["*;max-age=3600"], true);
remembered_test("a max-age of another's", [`"${OTHER_ORIGIN}";max-age=3600`], false);
remembered_test("the requester by name", [`"${TEST_ORIGIN}";max-age=3600`], true);
remembered_test("a max-age of 0", ["*;max-age=0"], false);
remembered_test("a max-age of 0 after another", ["*;max-age=3600", "*;max-age=0"], false);
remembered_test("a value without max-age after another", ["*;max-age=3600", "*"], true);
remembered_test("more than a year", ["*;max-age=99999999999"], true);
remembered_test("a max-age that is no integer", ["*;max-age=\"3600\""], false);
remembered_test("a negative max-age", ["*;max-age=-1"], false);
remembered_test("what does not parse", ["*;max-age=3600, ("], false);

promise_test(async () => {
  const [target, other] = [TARGETS[next], TARGETS[next + 1]];
  await isRead(preventing(target, "*;max-age=3600"));
  assert_false(await isRead(respond(target)));
  assert_true(await isRead(respond(other)), "another origin's word is its own");
  assert_false(await isRead(respond(target), { method: "PUT" }), "it is for all methods");
  const response = await fetch(respond(target, { header: ALLOW_ALL }));
  assert_equals(response.type, "cors", "it takes nothing from CORS");
}, "What is remembered is the target's word, about reading it without CORS");
