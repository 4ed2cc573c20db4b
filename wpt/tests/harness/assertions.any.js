// META: title=Harness: assertions hold and fail

// Each assertion with arguments for which it holds, and others for which it does not.
const inherits = Object.create({ inherited: 1 });
const frozen = Object.freeze({ attribute: "x" });
const domError = new DOMException("message", "SyntaxError");
const throwing = (error) => () => {
  throw error;
};

for (const [name, holding, failing] of [
  ["assert_true", [[true]], [[1], [false], [undefined]]],
  ["assert_false", [[false]], [[0], [true]]],
  ["assert_equals", [[1, 1], ["a", "a"], [NaN, NaN]], [[1, "1"], [0, -0], [{}, {}], [null, undefined]]],
  ["assert_not_equals", [[1, 2], [0, -0]], [[1, 1], [NaN, NaN]]],
  ["assert_in_array", [[1, [1, 2]]], [[3, [1, 2]], ["1", [1, 2]]]],
  ["assert_array_equals", [[[1, 2], [1, 2]], [[], []]], [[[1], [1, 2]], [[1, 2], [2, 1]], [1, [1]]]],
  ["assert_array_approx_equals", [[[1, 2], [1.1, 1.9], 0.2]], [[[1], [2], 0.5], [[1], [1, 1], 1]]],
  ["assert_approx_equals", [[1, 1.1, 0.2], [Infinity, Infinity, 0]], [[1, 2, 0.5], ["1", 1, 0]]],
  ["assert_less_than", [[1, 2]], [[2, 2], [3, 2], ["1", 2]]],
  ["assert_greater_than", [[2, 1]], [[2, 2], [1, 2]]],
  ["assert_less_than_equal", [[1, 2], [2, 2]], [[3, 2]]],
  ["assert_greater_than_equal", [[2, 1], [2, 2]], [[1, 2]]],
  ["assert_between_exclusive", [[2, 1, 3]], [[1, 1, 3], [3, 1, 3], [0, 1, 3]]],
  ["assert_between_inclusive", [[1, 1, 3], [3, 1, 3]], [[0, 1, 3], [4, 1, 3]]],
  ["assert_regexp_match", [["abc", /b/]], [["abc", /d/]]],
  ["assert_class_string", [[[], "Array"], [new Date(), "Date"]], [[[], "Object"]]],
  ["assert_own_property", [[{ a: 1 }, "a"]], [[inherits, "inherited"], [{}, "a"]]],
  ["assert_not_own_property", [[inherits, "inherited"]], [[{ a: 1 }, "a"]]],
  ["assert_inherits", [[inherits, "inherited"]], [[{ a: 1 }, "a"], [{}, "a"]]],
  ["assert_readonly", [[frozen, "attribute"]], [[{ attribute: "x" }, "attribute"]]],
  [
    "assert_throws_js",
    [[TypeError, throwing(new TypeError())]],
    [[TypeError, throwing(new RangeError())], [TypeError, () => {}], [Error, throwing("text")]],
  ],
  [
    "assert_throws_dom",
    [["SyntaxError", throwing(domError)], ["SYNTAX_ERR", throwing(domError)], [12, throwing(domError)]],
    [["NotFoundError", throwing(domError)], ["SyntaxError", () => {}], ["SyntaxError", throwing(new SyntaxError())]],
  ],
  ["assert_throws_exactly", [[domError, throwing(domError)]], [[domError, throwing(new Error())], [domError, () => {}]]],
  ["assert_unreached", [], [[], ["description"]]],
  ["assert_implements", [[true]], [[false], [undefined]]],
  ["assert_any", [[assert_equals, 1, [1, 2]]], [[assert_equals, 3, [1, 2]]]],
]) {
  test(() => {
    for (const values of holding) {
      self[name](...values);
    }
  }, `${name} holds`);

  test(() => {
    for (const values of failing) {
      let error = null;
      try {
        self[name](...values);
      } catch (thrown) {
        error = thrown;
      }
      if (!(error instanceof AssertionError)) {
        throw new Error(`${name}(${values.map(format_value).join(", ")}) did not fail as an assertion`);
      }
    }
  }, `${name} fails`);
}

promise_test(async (t) => {
  await promise_rejects_js(t, TypeError, Promise.reject(new TypeError()));
  await promise_rejects_dom(t, "SyntaxError", Promise.reject(domError));
  await promise_rejects_exactly(t, domError, Promise.reject(domError));
}, "Rejections that are expected");

promise_test(async () => {
  const t = {
    step_func: (callback) => callback,
    unreached_func: (description) => () => assert_unreached(description),
  };
  for (const promise of [
    promise_rejects_js(t, TypeError, Promise.resolve()),
    promise_rejects_js(t, TypeError, Promise.reject(new RangeError())),
    promise_rejects_dom(t, "SyntaxError", Promise.reject(new SyntaxError())),
    promise_rejects_exactly(t, domError, Promise.reject(new Error())),
  ]) {
    const error = await promise.then(() => null, (thrown) => thrown);
    assert_true(error instanceof AssertionError);
  }
}, "Rejections that are not");
