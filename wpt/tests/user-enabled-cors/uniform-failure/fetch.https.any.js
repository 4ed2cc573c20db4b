// META: title=User-enabled CORS: all refusals of fetch() are alike
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/refusals.sub.js

const describe = (error) => ({
  type: Object.prototype.toString.call(error),
  constructor: error.constructor.name,
  name: error.name,
  message: error.message,
  keys: Object.getOwnPropertyNames(error).filter((key) => !["stack", "lineNumber", "columnNumber", "fileName"].includes(key)).sort(),
  cause: "cause" in error,
});
const failureOf = (promise) =>
  promise.then(
    () => assert_unreached("it is refused"),
    (error) => JSON.stringify(describe(error))
  );

for (const [title, url, init] of refusals()) {
  promise_test(async () => {
    const plain = await failureOf(fetch(plainFailure(), init));
    assert_equals(await failureOf(fetch(url, init)), plain);
  }, `The same error as ever: ${title}`);
}
