// A harness with the API of web-platform-tests' testharness.js, so that a fixture runs on either unchanged.
// https://web-platform-tests.org/writing-tests/testharness-api.html
//
// From top to bottom: assertions; one test; all tests of a global; tests in other globals; the environment (documents and
// workers); the table of results; what is exposed.
(function (global) {
  "use strict";

  // Tests replace some of these.
  const { setTimeout, clearTimeout, Promise, Error, TypeError, String, Object, Array } = global;

  // ---------------------------------------------------------------------------------------------------------------------
  // Assertions

  class AssertionError extends Error {
    constructor(message) {
      super(message);
      this.name = "AssertionError";
    }
  }

  // A feature that a standard leaves optional is missing.
  class OptionalFeatureUnsupportedError extends AssertionError {}

  function fail(assertion, description, problem) {
    throw new AssertionError([`${assertion}:`, description, problem].filter((part) => part).join(" "));
  }

  function check(condition, assertion, description, problem) {
    if (!condition) {
      fail(assertion, description, problem());
    }
  }

  // SameValue: tells +0 from -0, and takes NaN for itself.
  const same = Object.is;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  function escapeText(text) {
    const names = { "\0": "0", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r" };
    return text.replace(/[\0-\x1f\x7f\ud800-\udfff\ufffe\uffff]/gu, (character) => {
      const code = character.charCodeAt(0);
      return `\\${names[character] || (code < 256 ? `x${code.toString(16).padStart(2, "0")}` : `u${code.toString(16)}`)}`;
    });
  }

  // A value as results show it.
  function format_value(value, seen = []) {
    if (Array.isArray(value)) {
      if (seen.includes(value)) {
        return "[...]";
      }
      return `[${Array.from(value, (item) => format_value(item, [...seen, value])).join(", ")}]`;
    }
    switch (typeof value) {
      case "string":
        return `"${escapeText(value.replace(/[\\"]/g, "\\$&"))}"`;
      case "bigint":
        return `${value}n`;
      case "number":
        return same(value, -0) ? "-0" : String(value);
      case "object":
        return value === null ? "null" : formatObject(value);
      case "function":
        return formatObject(value);
      default:
        return String(value);
    }
  }

  function formatObject(value) {
    let text;
    try {
      if (global.Node && value instanceof global.Node) {
        return formatNode(value);
      }
      text = String(value);
    } catch (error) {
      return `[stringifying the object threw ${String(error)}]`;
    }
    return `${typeof value} "${escapeText(text.length > 1000 ? `${text.slice(0, 1000)}...` : text)}"`;
  }

  function formatNode(node) {
    if (node.nodeType === node.ELEMENT_NODE) {
      const markup = node.cloneNode(false).outerHTML || node.nodeName;
      return `Element node ${escapeText(markup.slice(0, 150))}`;
    }
    if (node.nodeType === node.TEXT_NODE) {
      return `Text node ${format_value(node.data.slice(0, 150))}`;
    }
    return `${Object.prototype.toString.call(node).slice(8, -1)} node`;
  }

  function compareArrays(assertion, actual, expected, description, equal) {
    check(isObject(actual) && "length" in actual, assertion, description, () => `${format_value(actual)} is no array`);
    check(
      actual.length === expected.length,
      assertion,
      description,
      () => `lengths differ, expected ${format_value(expected)} but got ${format_value(Array.from(actual))}`
    );
    for (let index = 0; index < actual.length; index++) {
      const isThere = Object.hasOwn(actual, index);
      check(
        isThere === Object.hasOwn(expected, index),
        assertion,
        description,
        () => `property ${index} is ${isThere ? "there but expected to be missing" : "missing but expected"}`
      );
      check(
        equal(actual[index], expected[index]),
        assertion,
        description,
        () => `expected property ${index} to be ${format_value(expected[index])} but got ${format_value(actual[index])}`
      );
    }
  }

  function compareNumbers(assertion, holds, relation) {
    return (actual, ...rest) => {
      const bounds = rest.slice(0, holds.length - 1);
      const description = rest[bounds.length];
      // NB: A number is not compared with a BigInt.
      check(
        bounds.every((bound) => typeof actual === typeof bound) && ["number", "bigint"].includes(typeof actual),
        assertion,
        description,
        () => `expected a number but got ${format_value(actual)}, a ${typeof actual}`
      );
      check(
        holds(actual, ...bounds),
        assertion,
        description,
        () => `expected a number ${relation} ${bounds.map((bound) => format_value(bound)).join(" and ")} but got ${format_value(actual)}`
      );
    };
  }

  // The names and codes of https://webidl.spec.whatwg.org/#idl-DOMException-error-names, by code.
  const DOM_EXCEPTION_NAMES = [
    "", "IndexSizeError", "", "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", "",
    "NoModificationAllowedError", "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError",
    "SyntaxError", "InvalidModificationError", "NamespaceError", "InvalidAccessError", "", "TypeMismatchError",
    "SecurityError", "NetworkError", "AbortError", "URLMismatchError", "QuotaExceededError", "TimeoutError",
    "InvalidNodeTypeError", "DataCloneError",
  ];

  // `INDEX_SIZE_ERR` stands for `IndexSizeError`, and so on.
  function exceptionNameOf(constant) {
    const plain = (name) => name.replace(/_/g, "").toLowerCase();
    const stem = plain(constant.slice(0, -"_ERR".length));
    return DOM_EXCEPTION_NAMES.find((name) => name && plain(name) === `${stem}error`);
  }

  function checkDomException(assertion, error, type, constructor, description) {
    check(isObject(error), assertion, description, () => `threw ${format_value(error)}, which is no object`);
    if (typeof type === "number") {
      check(type in DOM_EXCEPTION_NAMES && DOM_EXCEPTION_NAMES[type], assertion, description, () => `there is no code ${type}`);
      check(error.code === type, assertion, description, () => `expected code ${type} but got ${error.name}, code ${error.code}`);
    } else {
      const name = type.endsWith("_ERR") ? exceptionNameOf(type) : type;
      check(name, assertion, description, () => `there is no exception ${type}`);
      check(error.name === name, assertion, description, () => `expected ${name} but got ${error.name}: ${error.message}`);
      const code = Math.max(DOM_EXCEPTION_NAMES.indexOf(name), 0);
      check(error.code === code, assertion, description, () => `expected code ${code} but got ${error.code}`);
    }
    check(
      error.constructor === constructor,
      assertion,
      description,
      () => `threw an exception of another global, or no DOMException: ${format_value(error)}`
    );
  }

  function checkJsException(assertion, error, constructor, description) {
    check(isObject(error), assertion, description, () => `threw ${format_value(error)}, which is no object`);
    check(
      error.constructor === constructor && error.name === constructor.name,
      assertion,
      description,
      () => `expected ${constructor.name} but got ${error.name}: ${error.message}`
    );
  }

  // `(type, function, description)` or `(type, constructor, function, description)`.
  function domArguments(rest) {
    const hasConstructor = typeof rest[0] === "function" && rest[0].name === "DOMException" && rest.length > 1;
    return hasConstructor ? rest : [global.DOMException, ...rest];
  }

  function thrownBy(assertion, callback, description, self) {
    try {
      callback.call(self);
    } catch (error) {
      if (error instanceof AssertionError) {
        throw error;
      }
      return error;
    }
    return fail(assertion, description, "nothing was thrown");
  }

  function rejectionOf(assertion, promise, description) {
    return Promise.resolve(promise).then(
      () => fail(assertion, description, "the promise was not rejected"),
      (error) => error
    );
  }

  const assertions = {
    assert_true(actual, description) {
      check(actual === true, "assert_true", description, () => `expected true got ${format_value(actual)}`);
    },
    assert_false(actual, description) {
      check(actual === false, "assert_false", description, () => `expected false got ${format_value(actual)}`);
    },
    assert_equals(actual, expected, description) {
      check(
        same(actual, expected),
        "assert_equals",
        description,
        () => `expected ${typeof actual === typeof expected ? "" : `(${typeof expected}) `}${format_value(expected)} but got ` +
          `${typeof actual === typeof expected ? "" : `(${typeof actual}) `}${format_value(actual)}`
      );
    },
    assert_not_equals(actual, unexpected, description) {
      check(!same(actual, unexpected), "assert_not_equals", description, () => `got disallowed value ${format_value(actual)}`);
    },
    assert_in_array(actual, expected, description) {
      check(
        expected.includes(actual),
        "assert_in_array",
        description,
        () => `value ${format_value(actual)} not in array ${format_value(expected)}`
      );
    },
    assert_array_equals(actual, expected, description) {
      compareArrays("assert_array_equals", actual, expected, description, same);
    },
    assert_array_approx_equals(actual, expected, epsilon, description) {
      const near = (one, other) => typeof one === "number" && Math.abs(one - other) <= epsilon;
      compareArrays("assert_array_approx_equals", actual, expected, description, near);
    },
    assert_object_equals(actual, expected, description) {
      const seen = [];
      (function compare(one, other, path) {
        check(isObject(one) && isObject(other), "assert_object_equals", description, () => `${path} is no object`);
        if (seen.includes(one)) {
          return;
        }
        seen.push(one);
        for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
          const place = `${path}.${key}`;
          check(Object.hasOwn(one, key), "assert_object_equals", description, () => `${place} is missing`);
          check(Object.hasOwn(other, key), "assert_object_equals", description, () => `${place} is unexpected`);
          if (isObject(one[key]) && isObject(other[key])) {
            compare(one[key], other[key], place);
          } else {
            check(
              same(one[key], other[key]),
              "assert_object_equals",
              description,
              () => `expected ${place} to be ${format_value(other[key])} but got ${format_value(one[key])}`
            );
          }
        }
      })(actual, expected, "value");
    },
    assert_approx_equals(actual, expected, epsilon, description) {
      check(typeof actual === "number", "assert_approx_equals", description, () => `expected a number but got ${format_value(actual)}`);
      check(
        same(actual, expected) || Math.abs(actual - expected) <= epsilon,
        "assert_approx_equals",
        description,
        () => `expected ${expected} +/- ${epsilon} but got ${actual}`
      );
    },
    assert_less_than: compareNumbers("assert_less_than", (a, b) => a < b, "less than"),
    assert_greater_than: compareNumbers("assert_greater_than", (a, b) => a > b, "greater than"),
    assert_less_than_equal: compareNumbers("assert_less_than_equal", (a, b) => a <= b, "less than or equal to"),
    assert_greater_than_equal: compareNumbers("assert_greater_than_equal", (a, b) => a >= b, "greater than or equal to"),
    assert_between_exclusive: compareNumbers("assert_between_exclusive", (a, b, c) => b < a && a < c, "between"),
    assert_between_inclusive: compareNumbers("assert_between_inclusive", (a, b, c) => b <= a && a <= c, "from"),
    assert_regexp_match(actual, expected, description) {
      check(
        expected.test(actual),
        "assert_regexp_match",
        description,
        () => `expected a match of ${expected} but got ${format_value(actual)}`
      );
    },
    assert_class_string(object, expected, description) {
      const actual = Object.prototype.toString.call(object);
      check(actual === `[object ${expected}]`, "assert_class_string", description, () => `expected ${expected} but got ${actual}`);
    },
    assert_own_property(object, name, description) {
      check(Object.hasOwn(object, name), "assert_own_property", description, () => `expected property ${format_value(name)} missing`);
    },
    assert_not_own_property(object, name, description) {
      check(
        !Object.hasOwn(object, name),
        "assert_not_own_property",
        description,
        () => `unexpected property ${format_value(name)} is found`
      );
    },
    assert_inherits(object, name, description) {
      checkInherited("assert_inherits", object, name, description);
    },
    assert_idl_attribute(object, name, description) {
      checkInherited("assert_idl_attribute", object, name, description);
    },
    assert_readonly(object, name, description) {
      const before = object[name];
      // In strict mode an assignment to an attribute without a setter throws.
      try {
        object[name] = `${before}a`;
      } catch (error) {
        if (!(error instanceof TypeError)) {
          throw error;
        }
      }
      check(same(object[name], before), "assert_readonly", description, () => `changing property ${format_value(name)} succeeded`);
    },
    assert_throws_js(constructor, callback, description) {
      checkJsException("assert_throws_js", thrownBy("assert_throws_js", callback, description, this), constructor, description);
    },
    assert_throws_dom(type, ...rest) {
      const [constructor, callback, description] = domArguments(rest);
      const error = thrownBy("assert_throws_dom", callback, description, this);
      checkDomException("assert_throws_dom", error, type, constructor, description);
    },
    assert_throws_exactly(exception, callback, description) {
      const error = thrownBy("assert_throws_exactly", callback, description, this);
      check(
        same(error, exception),
        "assert_throws_exactly",
        description,
        () => `expected ${format_value(exception)} but got ${format_value(error)}`
      );
    },
    assert_unreached(description) {
      fail("assert_unreached", description, "Reached unreachable code");
    },
    assert_any(assertion, actual, candidates, ...rest) {
      const problems = [];
      for (const candidate of candidates) {
        try {
          assertion(actual, candidate, ...rest);
          return;
        } catch (error) {
          problems.push(error.message);
        }
      }
      fail("assert_any", "", problems.join("\n"));
    },
    assert_implements(condition, description) {
      check(condition, "assert_implements", description, () => "");
    },
    assert_implements_optional(condition, description) {
      if (!condition) {
        throw new OptionalFeatureUnsupportedError(`assert_implements_optional: ${description || ""}`);
      }
    },
  };

  function checkInherited(assertion, object, name, description) {
    check(isObject(object) || typeof object === "string", assertion, description, () => "provided value is no object");
    check(!Object.hasOwn(Object(object), name), assertion, description, () => `property ${format_value(name)} is the object's own`);
    check(name in Object(object), assertion, description, () => `property ${format_value(name)} not found in prototype chain`);
  }

  const rejections = {
    promise_rejects_js(test, constructor, promise, description) {
      return rejectionOf("promise_rejects_js", promise, description).then(
        (error) => checkJsException("promise_rejects_js", error, constructor, description)
      );
    },
    promise_rejects_dom(test, type, ...rest) {
      const [constructor, promise, description] = domArguments(rest);
      return rejectionOf("promise_rejects_dom", promise, description).then((error) =>
        checkDomException("promise_rejects_dom", error, type, constructor, description)
      );
    },
    promise_rejects_exactly(test, exception, promise, description) {
      return rejectionOf("promise_rejects_exactly", promise, description).then((error) =>
        check(
          same(error, exception),
          "promise_rejects_exactly",
          description,
          () => `expected ${format_value(exception)} but got ${format_value(error)}`
        )
      );
    },
  };

  // ---------------------------------------------------------------------------------------------------------------------
  // One test

  const SUBTEST_STATUS = { PASS: 0, FAIL: 1, TIMEOUT: 2, NOTRUN: 3, PRECONDITION_FAILED: 4 };
  const SUBTEST_NAMES = ["Pass", "Fail", "Timeout", "Not Run", "Optional Feature Unsupported"];
  const HARNESS_STATUS = { OK: 0, ERROR: 1, TIMEOUT: 2, PRECONDITION_FAILED: 3 };
  const HARNESS_NAMES = ["OK", "Error", "Timeout", "Optional Feature Unsupported"];
  const PHASE = { INITIAL: 0, STARTED: 1, HAS_RESULT: 2, CLEANING: 3, COMPLETE: 4 };

  const messageOf = (error) =>
    error instanceof AssertionError ? error.message
      : isObject(error) && "message" in error ? `${error.name ? `${error.name}: ` : ""}${error.message}`
        : `Uncaught ${format_value(error)}`;

  const stackOf = (error) => (isObject(error) && typeof error.stack === "string" ? error.stack : null);

  class Test {
    constructor(name, properties = {}) {
      this.name = name;
      this.properties = properties;
      this.phase = PHASE.INITIAL;
      this.status = SUBTEST_STATUS.NOTRUN;
      this.message = null;
      this.stack = null;
      this.index = null;
      this._isPromiseTest = false;
      this._cleanups = [];
      this._timer = null;
      this._timeout = typeof properties.timeout === "number" ? properties.timeout : null;
      this._abort = null;
      this._whenComplete = new Promise((resolve) => {
        this._complete = resolve;
      });
      tests.add(this);
    }

    // What other globals are told.
    structured_clone() {
      const { name, properties, phase, status, message, stack, index } = this;
      return { name, properties: { ...properties }, phase, status, message, stack, index, ...SUBTEST_STATUS };
    }

    format_status() {
      return SUBTEST_NAMES[this.status];
    }

    step(callback, self, ...values) {
      if (this.phase > PHASE.STARTED || this._isLeftOut()) {
        return undefined;
      }
      if (this.phase === PHASE.INITIAL) {
        this._start();
      }
      try {
        return callback.apply(self === undefined ? this : self, values);
      } catch (error) {
        this._failWith(error);
        return undefined;
      }
    }

    step_func(callback, self) {
      const test = this;
      return function (...values) {
        return test.step(callback, self === undefined ? test : self, ...values);
      };
    }

    step_func_done(callback, self) {
      const test = this;
      return function (...values) {
        if (callback) {
          test.step(callback, self === undefined ? test : self, ...values);
        }
        test.done();
      };
    }

    unreached_func(description) {
      return this.step_func(() => assertions.assert_unreached(description));
    }

    step_timeout(callback, milliseconds, ...values) {
      return setTimeout(this.step_func(() => callback.apply(this, values)), milliseconds * tests.multiplier);
    }

    // Calls back when the condition holds; fails if it does not in time.
    step_wait_func(condition, callback, description, timeout = 3000, interval = 100) {
      const pollings = Math.max(1, Math.ceil(timeout / interval));
      let polled = 0;
      const poll = this.step_func(() => {
        Promise.resolve(condition.call(this)).then(
          this.step_func((holds) => {
            if (holds) {
              callback.call(this);
            } else if (++polled >= pollings) {
              fail("step_wait_func", description, "Timed out waiting on condition");
            } else {
              setTimeout(poll, interval * tests.multiplier);
            }
          }),
          this.step_func((error) => {
            throw error;
          })
        );
      });
      poll();
    }

    step_wait_func_done(condition, callback, description, timeout, interval) {
      this.step_wait_func(
        condition,
        () => {
          if (callback) {
            callback.call(this);
          }
          this.done();
        },
        description,
        timeout,
        interval
      );
    }

    step_wait(condition, description, timeout, interval) {
      return new Promise((resolve) => this.step_wait_func(condition, resolve, description, timeout, interval));
    }

    add_cleanup(callback) {
      this._cleanups.push(callback);
    }

    get_signal() {
      if (!this._abort) {
        this._abort = new global.AbortController();
        this.add_cleanup(() => this._abort.abort());
      }
      return this._abort.signal;
    }

    force_timeout() {
      this.timeout();
    }

    timeout() {
      if (this.phase < PHASE.HAS_RESULT) {
        this._setResult(SUBTEST_STATUS.TIMEOUT, "Test timed out");
        this.done();
      }
    }

    done() {
      if (this.phase >= PHASE.CLEANING || this._isLeftOut()) {
        return;
      }
      if (this.phase <= PHASE.STARTED) {
        this._setResult(SUBTEST_STATUS.PASS, null);
      }
      clearTimeout(this._timer);
      this._cleanUp();
    }

    // Whether it is not to begin any more.
    _isLeftOut() {
      return this.phase === PHASE.INITIAL && (tests.isAborted || tests.isComplete);
    }

    _start() {
      this.phase = PHASE.STARTED;
      tests.testStateChanged(this);
      if (this._timeout !== null && !tests.options.explicit_timeout) {
        this._timer = setTimeout(() => this.timeout(), this._timeout * tests.multiplier);
      }
    }

    _setResult(status, message, stack = null) {
      this.status = status;
      this.message = message;
      this.stack = stack;
      this.phase = PHASE.HAS_RESULT;
    }

    _failWith(error) {
      if (this.phase >= PHASE.HAS_RESULT) {
        return;
      }
      const isOptional = error instanceof OptionalFeatureUnsupportedError;
      const status = isOptional ? SUBTEST_STATUS.PRECONDITION_FAILED : SUBTEST_STATUS.FAIL;
      this._setResult(status, messageOf(error), stackOf(error));
      this.done();
    }

    _cleanUp() {
      this.phase = PHASE.CLEANING;
      const pending = [];
      for (const callback of this._cleanups) {
        try {
          const result = callback.call(this);
          if (isObject(result) && typeof result.then === "function" && this._isPromiseTest) {
            pending.push(result);
          } else if (result !== undefined && !this._isPromiseTest) {
            throw new TypeError("only the cleanup of a promise_test may return something");
          }
        } catch (error) {
          tests.cleanupFailed(this, error);
        }
      }
      if (pending.length === 0) {
        this._finish();
        return;
      }
      const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error("timed out")), 10000 * tests.multiplier);
      });
      Promise.race([Promise.all(pending), late])
        .catch((error) => tests.cleanupFailed(this, error))
        .then(() => this._finish());
    }

    _finish() {
      this.phase = PHASE.COMPLETE;
      this._complete();
      tests.testCompleted(this);
    }
  }

  Object.assign(Test, SUBTEST_STATUS);
  Object.assign(Test.prototype, SUBTEST_STATUS, { phases: PHASE });

  // ---------------------------------------------------------------------------------------------------------------------
  // All tests of a global

  class TestsStatus {
    constructor() {
      this.status = HARNESS_STATUS.OK;
      this.message = null;
      this.stack = null;
    }

    structured_clone() {
      const { status, message, stack } = this;
      return { status, message, stack, ...HARNESS_STATUS };
    }

    format_status() {
      return HARNESS_NAMES[this.status];
    }
  }
  Object.assign(TestsStatus, HARNESS_STATUS);
  Object.assign(TestsStatus.prototype, HARNESS_STATUS);

  const HARNESS_TIMEOUT = { normal: 10000, long: 60000 };

  class Tests {
    constructor() {
      this.all = [];
      this.status = new TestsStatus();
      this.options = { output: true };
      this.multiplier = 1;
      this.isLoaded = false;
      this.isWaiting = false;
      this.hasStarted = false;
      this.isComplete = false;
      this.isSettingUp = false;
      this.isSingleTest = false;
      this.isAborted = false;
      this.remotes = [];
      this.names = new Set();
      this.queue = Promise.resolve();
      this.timer = null;
      this.callbacks = { start: [], test_state: [], result: [], completion: [] };
    }

    configure(options) {
      Object.assign(this.options, options);
      if (typeof options.timeout_multiplier === "number") {
        this.multiplier = options.timeout_multiplier;
      }
      if (options.explicit_done) {
        this.isWaiting = true;
      }
      if (options.single_test) {
        this.isSingleTest = true;
        this.isWaiting = true;
        new Test(environment.title())._start();
      }
      this.setTimer();
    }

    setTimer() {
      clearTimeout(this.timer);
      if (!this.options.explicit_timeout && !this.isComplete && environment.hasTimeout) {
        const time = environment.isLong() ? HARNESS_TIMEOUT.long : HARNESS_TIMEOUT.normal;
        this.timer = setTimeout(() => this.timeout(), time * this.multiplier);
      }
    }

    add(test) {
      if (this.isComplete) {
        return;
      }
      test.index = this.all.length;
      this.all.push(test);
      this.notifyStart();
      // Another global may use the same names.
      if (test instanceof Test && this.names.has(test.name)) {
        this.report(HARNESS_STATUS.ERROR, `there are several tests of the name ${format_value(test.name)}`);
      }
      this.names.add(test.name);
      this.testStateChanged(test);
    }

    // Brings a test's name in the form that can be told apart from others: it may be left out.
    nameOf(name, callback) {
      if (name !== undefined && name !== null && name !== "") {
        return String(name);
      }
      const body = typeof callback === "function" && /^\s*(?:\(\)|\w+)\s*=>\s*([^{].*)$/.exec(String(callback));
      const base = body ? body[1] : environment.title();
      let unique = base;
      for (let count = 1; this.names.has(unique); count++) {
        unique = `${base} ${count}`;
      }
      return unique;
    }

    report(status, message, stack = null) {
      if (this.status.status === HARNESS_STATUS.OK) {
        Object.assign(this.status, { status, message, stack });
      }
    }

    notifyStart() {
      if (!this.hasStarted) {
        this.hasStarted = true;
        this.call("start", { ...this.options });
      }
    }

    testStateChanged(test) {
      this.call("test_state", test);
    }

    testCompleted(test) {
      if (!this.isComplete) {
        this.call("result", test);
        this.completeIfDone();
      }
    }

    // What a test has left behind may make others fail, so that none is begun any more.
    cleanupFailed(test, error) {
      this.report(HARNESS_STATUS.ERROR, `a cleanup of ${format_value(test.name)} failed: ${messageOf(error)}`, stackOf(error));
      this.isAborted = true;
    }

    // An error that no test has caught.
    uncaught(error, message) {
      if (this.isComplete) {
        return;
      }
      if (this.isSingleTest) {
        this.all[0]._failWith(error === undefined ? new Error(message) : error);
      } else if (!this.options.allow_uncaught_exception) {
        const isOptional = error instanceof OptionalFeatureUnsupportedError;
        const status = isOptional ? HARNESS_STATUS.PRECONDITION_FAILED : HARNESS_STATUS.ERROR;
        this.report(status, isObject(error) ? messageOf(error) : message, stackOf(error));
        if (isOptional) {
          this.complete();
        }
      }
      if (!this.options.allow_uncaught_exception) {
        this.end();
      }
    }

    // The page says that it makes no more tests.
    end() {
      this.isWaiting = false;
      this.completeIfDone();
    }

    completeIfDone() {
      const hasAny = this.all.length > 0 || this.remotes.length > 0 || this.status.status !== HARNESS_STATUS.OK;
      const isDone =
        hasAny &&
        this.isLoaded &&
        !this.isWaiting &&
        !this.isSettingUp &&
        (this.isAborted || this.all.every((test) => test.phase === PHASE.COMPLETE)) &&
        this.remotes.every((remote) => !remote.isRunning);
      if (isDone) {
        this.complete();
      }
    }

    timeout() {
      if (this.isComplete) {
        return;
      }
      this.report(HARNESS_STATUS.TIMEOUT, null);
      for (const test of this.all) {
        if (test.phase === PHASE.STARTED) {
          test.timeout();
        }
      }
      this.complete();
    }

    complete() {
      if (this.isComplete) {
        return;
      }
      this.isComplete = true;
      clearTimeout(this.timer);
      this.notifyStart();
      for (const test of this.all.filter((test) => test.phase < PHASE.HAS_RESULT)) {
        if (test.phase === PHASE.STARTED) {
          test.status = SUBTEST_STATUS.TIMEOUT;
        }
        test.phase = PHASE.COMPLETE;
        this.call("result", test);
      }
      this.call("completion", this.all, this.status, []);
    }

    call(event, ...values) {
      for (const callback of [...this.callbacks[event]]) {
        try {
          callback(...values);
        } catch (error) {
          this.report(HARNESS_STATUS.ERROR, `a ${event} callback failed: ${messageOf(error)}`, stackOf(error));
        }
      }
    }
  }

  function setup(...values) {
    const callback = typeof values[0] === "function" ? values[0] : null;
    const options = (callback ? values[1] : values[0]) || {};
    tests.configure(options);
    if (callback) {
      try {
        callback();
      } catch (error) {
        tests.uncaught(error, String(error));
      }
    }
  }

  function promise_setup(callback, options = {}) {
    tests.configure(options);
    tests.isSettingUp = true;
    tests.queue = tests.queue
      .then(() => callback())
      .catch((error) => tests.uncaught(error, String(error)))
      .then(() => {
        tests.isSettingUp = false;
        tests.completeIfDone();
      });
  }

  // Whoever returns something may think that it is waited for.
  function expectNothing(kind, test, value) {
    if (value !== undefined) {
      const problem = `${format_value(test.name)} gave ${kind}() a function that returns something; is it a promise_test()?`;
      tests.report(HARNESS_STATUS.ERROR, problem);
      tests.complete();
    }
  }

  function test(callback, name, properties) {
    const made = new Test(tests.nameOf(name, callback), properties);
    const value = made.step(callback, made, made);
    made.done();
    expectNothing("test", made, value);
  }

  function async_test(callback, name, properties) {
    if (typeof callback !== "function") {
      [callback, name, properties] = [null, callback, name];
    }
    const made = new Test(tests.nameOf(name, callback), properties);
    if (callback) {
      expectNothing("async_test", made, made.step(callback, made, made));
    }
    return made;
  }

  // They run one after another, so that each finds what the one before it has left.
  function promise_test(callback, name, properties) {
    const made = new Test(tests.nameOf(name, callback), properties);
    made._isPromiseTest = true;
    tests.queue = tests.queue.then(() => {
      if (tests.isComplete || made._isLeftOut()) {
        return undefined;
      }
      const promise = made.step(callback, made, made);
      if (made.phase < PHASE.HAS_RESULT) {
        if (!isObject(promise) || typeof promise.then !== "function") {
          made._failWith(new AssertionError("promise_test() was given a function that returns no promise"));
        } else {
          promise.then(
            () => made.done(),
            (error) => made._failWith(error)
          );
        }
      }
      return made._whenComplete;
    });
  }

  function done() {
    if (tests.isSingleTest && tests.all.length > 0) {
      tests.all[0].done();
    }
    tests.end();
  }

  function step_timeout(callback, milliseconds, ...values) {
    return setTimeout(() => callback.apply(this, values), milliseconds * tests.multiplier);
  }

  function generate_tests(callback, values, properties) {
    values.forEach(([name, ...rest], index) => {
      test(() => callback(...rest), name, Array.isArray(properties) ? properties[index] : properties);
    });
  }

  // Waits for events of one target, in an order, and lets no others pass.
  class EventWatcher {
    constructor(test, target, types, timeoutPromise) {
      this._test = test;
      this._waiting = null;
      this._timeoutPromise = timeoutPromise;
      types = typeof types === "string" ? [types] : types;
      const listener = test.step_func((event) => this._receive(event));
      for (const type of types) {
        target.addEventListener(type, listener, false);
      }
      this.stop_watching = () => types.forEach((type) => target.removeEventListener(type, listener, false));
      test.add_cleanup(() => this.stop_watching());
    }

    wait_for(types, options = {}) {
      if (this._waiting) {
        return Promise.reject(new Error("something is being waited for already"));
      }
      types = typeof types === "string" ? [types] : [...types];
      const promise = new Promise((resolve, reject) => {
        this._waiting = { types, resolve, record: options.record === "all" ? [] : null };
        if (this._timeoutPromise) {
          this._timeoutPromise().then(() => {
            this._waiting = null;
            reject(new Error(`timed out waiting for ${types.join(", ")}`));
          });
        }
      });
      return promise;
    }

    _receive(event) {
      assertions.assert_true(this._waiting !== null, `Not expecting event, but got ${event.type} event`);
      const { types, resolve, record } = this._waiting;
      assertions.assert_equals(event.type, types[0], "Expected another event");
      types.shift();
      if (record) {
        record.push(event);
      }
      if (types.length === 0) {
        this._waiting = null;
        resolve(record || event);
      }
    }
  }

  // ---------------------------------------------------------------------------------------------------------------------
  // Tests in other globals

  // A test in another global, kept up to date by its messages.
  class RemoteTest {
    constructor(data) {
      this.update(data);
    }

    update(data) {
      const index = this.index;
      Object.assign(this, data);
      // Among the tests here it has another place.
      if (index !== undefined) {
        this.index = index;
      }
    }

    structured_clone() {
      const { name, properties, phase, status, message, stack, index } = this;
      return { name, properties, phase, status, message, stack, index, ...SUBTEST_STATUS };
    }

    format_status() {
      return SUBTEST_NAMES[this.status];
    }

    timeout() {
      this.status = SUBTEST_STATUS.TIMEOUT;
      this.phase = PHASE.COMPLETE;
    }
  }
  Object.assign(RemoteTest.prototype, SUBTEST_STATUS, { phases: PHASE });

  class Remote {
    constructor(name, target, isSender) {
      this.name = name;
      this.target = target;
      this.isRunning = true;
      this.isSender = isSender;
      this.known = new Map();
      this.done = new Promise((resolve) => {
        this.resolve = resolve;
      });
      this.listener = (event) => {
        if (isSender(event) && isObject(event.data) && typeof event.data.type === "string") {
          this.receive(event.data);
        }
      };
      target.addEventListener("message", this.listener);
    }

    receive(data) {
      switch (data.type) {
        case "test_state":
        case "result":
          this.update(data.test, data.type === "result");
          break;
        case "complete":
          for (const test of data.tests) {
            this.update(test, true);
          }
          this.end(data.status);
          break;
      }
    }

    update(data, isResult) {
      let test = this.known.get(data.index);
      if (!test) {
        test = new RemoteTest({ ...data, index: undefined });
        this.known.set(data.index, test);
        tests.add(test);
      }
      const wasComplete = test.phase === PHASE.COMPLETE;
      test.update({ ...data, phase: isResult ? PHASE.COMPLETE : Math.min(data.phase, PHASE.CLEANING) });
      tests.testStateChanged(test);
      if (isResult && !wasComplete) {
        tests.testCompleted(test);
      }
    }

    end(status) {
      if (!this.isRunning) {
        return;
      }
      if (status.status !== HARNESS_STATUS.OK) {
        tests.report(status.status, `in ${this.name}: ${status.message}`, status.stack);
      }
      this.isRunning = false;
      this.target.removeEventListener("message", this.listener);
      this.resolve();
      tests.completeIfDone();
    }
  }

  function follow(remote) {
    tests.remotes.push(remote);
    return remote.done;
  }

  function fetch_tests_from_worker(worker) {
    if (tests.isComplete) {
      return Promise.resolve();
    }
    const port = worker.port || worker;
    const remote = new Remote("a worker", port, () => true);
    // A worker whose script does not parse says so in this way only.
    worker.addEventListener("error", (event) => {
      if (remote.isRunning) {
        remote.end({ status: HARNESS_STATUS.ERROR, message: event.message || "the worker failed", stack: null });
      }
    });
    if (worker.port) {
      port.start();
    } else if (global.ServiceWorker && worker instanceof global.ServiceWorker) {
      const channel = new global.MessageChannel();
      const followed = new Remote("a service worker", channel.port1, () => true);
      channel.port1.start();
      worker.postMessage({ type: "connect" }, [channel.port2]);
      return follow(followed);
    }
    return follow(remote);
  }

  function fetch_tests_from_window(other) {
    if (tests.isComplete) {
      return Promise.resolve();
    }
    return follow(new Remote("another window", global, (event) => event.source === other));
  }

  // ---------------------------------------------------------------------------------------------------------------------
  // The environment

  class DocumentEnvironment {
    constructor() {
      this.hasTimeout = true;
    }

    title() {
      return document.title || "Untitled";
    }

    isLong() {
      const meta = document.querySelector("meta[name=timeout]");
      return meta !== null && meta.content === "long";
    }

    start() {
      this.tell("start", (properties) => ({ properties: cloneable(properties) }));
      this.tell("test_state", (test) => ({ test: test.structured_clone() }));
      this.tell("result", (test) => ({ test: test.structured_clone() }));
      this.tell("completion", (all, status) => ({
        tests: all.map((test) => test.structured_clone()),
        status: status.structured_clone(),
      }));
      tests.callbacks.completion.push(showResults);
      const loaded = () => {
        // Handlers of this event may make tests still.
        setTimeout(() => {
          tests.isLoaded = true;
          tests.completeIfDone();
        }, 0);
      };
      if (document.readyState === "complete") {
        loaded();
      } else {
        global.addEventListener("load", loaded);
      }
    }

    // Tells the windows that have opened or frame this one: by a function of theirs, or by a message.
    tell(event, data) {
      const type = event === "completion" ? "complete" : event;
      tests.callbacks[event].push((...values) => {
        for (const other of this.others()) {
          try {
            if (typeof other[`${event}_callback`] === "function") {
              other[`${event}_callback`](...values);
            }
          } catch {
            // It is of another origin.
          }
          if (other !== global) {
            other.postMessage({ type, ...data(...values) }, "*");
          }
        }
      });
    }

    others() {
      const others = [global];
      for (let current = global; current !== current.parent; ) {
        current = current.parent;
        others.push(current);
      }
      if (global.opener) {
        others.push(global.opener);
      }
      return others;
    }
  }

  class WorkerEnvironment {
    constructor() {
      // The document that follows the worker's tests has the clock.
      this.hasTimeout = false;
      this.ports = [];
      this.sent = [];
    }

    // The page that is made around a `.any.js` hands on its title.
    title() {
      return global.META_TITLE || "Untitled";
    }

    isLong() {
      return false;
    }

    start() {
      const send = (type, data) => {
        const message = { type, ...data };
        this.sent.push(message);
        this.ports.forEach((port) => port.postMessage(message));
      };
      tests.callbacks.start.push((properties) => send("start", { properties: cloneable(properties) }));
      tests.callbacks.test_state.push((test) => send("test_state", { test: test.structured_clone() }));
      tests.callbacks.result.push((test) => send("result", { test: test.structured_clone() }));
      tests.callbacks.completion.push((all, status) =>
        send("complete", { tests: all.map((test) => test.structured_clone()), status: status.structured_clone() })
      );
      tests.isLoaded = true;
      tests.isWaiting = true;
      if (is("DedicatedWorkerGlobalScope")) {
        this.ports.push(global);
      } else if (is("SharedWorkerGlobalScope")) {
        global.addEventListener("connect", (event) => this.connect(event.source));
      } else {
        global.addEventListener("message", (event) => {
          if (isObject(event.data) && event.data.type === "connect") {
            this.connect(event.ports[0] || event.source);
          }
        });
        // A service worker's tests are all there when it is installed.
        global.addEventListener("install", (event) => {
          event.waitUntil(Promise.resolve().then(() => tests.end()));
        });
      }
    }

    connect(port) {
      this.sent.forEach((message) => port.postMessage(message));
      this.ports.push(port);
    }
  }

  const is = (name) => typeof global[name] === "function" && global instanceof global[name];

  // Without what cannot be sent to another global.
  const cloneable = (properties) =>
    Object.fromEntries(Object.entries(properties).filter(([, value]) => !isObject(value)));

  // ---------------------------------------------------------------------------------------------------------------------
  // The table of results

  function showResults(all, status) {
    if (!tests.options.output || global.parent !== global) {
      return;
    }
    const output = tests.options.output_document || document;
    const body = output.body;
    if (!body) {
      return;
    }
    const log = output.getElementById("log") || body.appendChild(output.createElement("div"));
    const add = (parent, name, text) => {
      const element = parent.appendChild(output.createElement(name));
      element.textContent = text;
      return element;
    };
    const passed = all.filter((test) => test.status === SUBTEST_STATUS.PASS).length;
    add(log, "p", `Harness: ${HARNESS_NAMES[status.status]}. ${passed} of ${all.length} passed. ${status.message || ""}`);
    const table = log.appendChild(output.createElement("table"));
    for (const test of all) {
      const row = table.appendChild(output.createElement("tr"));
      add(row, "td", SUBTEST_NAMES[test.status]);
      add(row, "td", test.name);
      add(row, "td", test.message || "");
    }
  }

  // ---------------------------------------------------------------------------------------------------------------------
  // What is exposed

  const tests = new Tests();
  const environment = typeof document === "object" && global.document === document ? new DocumentEnvironment() : new WorkerEnvironment();

  const exposed = {
    ...assertions,
    ...rejections,
    AssertionError,
    EventWatcher,
    OptionalFeatureUnsupportedError,
    Test,
    add_completion_callback: (callback) => tests.callbacks.completion.push(callback),
    add_result_callback: (callback) => tests.callbacks.result.push(callback),
    add_start_callback: (callback) => tests.callbacks.start.push(callback),
    add_test_state_callback: (callback) => tests.callbacks.test_state.push(callback),
    async_test,
    done,
    fetch_json: async (url) => JSON.parse(await (await fetch(url)).text()),
    fetch_tests_from_window,
    fetch_tests_from_worker,
    format_value,
    generate_tests,
    on_event: (target, type, callback) => target.addEventListener(type, callback, false),
    promise_setup,
    promise_test,
    setup,
    step_timeout,
    test,
    timeout: () => tests.timeout(),
  };
  for (const [name, value] of Object.entries(exposed)) {
    global[name] = value;
  }

  global.addEventListener("error", (event) => tests.uncaught(event.error, event.message));
  global.addEventListener("unhandledrejection", (event) => tests.uncaught(event.reason, `Unhandled rejection: ${messageOf(event.reason)}`));
  environment.start();
  tests.setTimer();
})(self);
