test(() => {}, "A test before the error");
setTimeout(() => { throw new Error("is meant to be uncaught"); }, 0);
async_test((t) => {
  setTimeout(t.step_func_done(), 50);
}, "A test that goes on after it");
