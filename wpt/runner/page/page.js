// Filters: a row is shown if it fits all of them, and a test if one of its rows is. The page's address has them, so that what is
// shown can be linked to: "#?status=unexpected"; "#/folder/test.html" is one test.
"use strict";

const FILTERS = "#?";
const form = document.querySelector("form");
const count = document.querySelector("output");
const tests = Array.from(document.querySelectorAll("details"), (element) => ({
  element,
  group: element.dataset.group,
  name: element.dataset.name.toLowerCase(),
  rows: Array.from(element.querySelectorAll("tbody tr"), (row) => ({
    element: row,
    text: row.textContent.toLowerCase(),
    // "browser:STATUS" for each browser, and "browser:unexpected".
    states: row.dataset.states.split(" "),
    differs: "differs" in row.dataset,
  })),
}));

function fits(row, { browser, status, differences }) {
  if (differences && !row.differs) {
    return false;
  }
  if (!status && !browser) {
    return true;
  }
  return row.states.some((state) => {
    const [of, is] = state.split(":");
    const isStatus =
      !status || is === status || (status === "not-passed" && !["PASS", "OK", "unexpected"].includes(is));
    return isStatus && (!browser || of === browser);
  });
}

function filter() {
  const text = form.elements.text.value.trim().toLowerCase();
  const group = form.elements.group.value;
  const wanted = {
    browser: form.elements.browser ? form.elements.browser.value : "",
    status: form.elements.status.value,
    differences: Boolean(form.elements.differences && form.elements.differences.checked),
  };
  let shownTests = 0;
  let shownRows = 0;
  for (const test of tests) {
    const isInGroup = !group || test.group === group;
    let rows = 0;
    for (const row of test.rows) {
      const isShown = isInGroup && (test.name.includes(text) || row.text.includes(text)) && fits(row, wanted);
      row.element.hidden = !isShown;
      rows += isShown ? 1 : 0;
    }
    test.element.hidden = rows === 0;
    shownTests += rows > 0 ? 1 : 0;
    shownRows += rows;
  }
  count.textContent = `${shownTests} of ${tests.length} tests are shown, with ${shownRows} results.`;
}

// Puts the filters into the page's address.
function tell() {
  const fields = Array.from(new FormData(form)).filter(([, value]) => value !== "");
  const address = fields.length > 0 ? FILTERS + new URLSearchParams(fields) : "#";
  history.replaceState(null, "", address);
}

// Does what the page's address says.
function follow() {
  const { hash } = location;
  if (hash.startsWith(FILTERS)) {
    form.reset();
    for (const [name, value] of new URLSearchParams(hash.slice(FILTERS.length))) {
      const field = form.elements.namedItem(name);
      if (field && field.type === "checkbox") {
        field.checked = true;
      } else if (field) {
        field.value = value;
      }
    }
    filter();
    return;
  }
  const named = tests.find(({ element }) => `#${element.id}` === hash || `#${element.id}` === decoded(hash));
  if (!named) {
    return;
  }
  if (named.element.hidden) {
    form.reset();
    filter();
  }
  named.element.open = true;
  named.element.scrollIntoView();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function setOpen(isOpen) {
  for (const test of tests) {
    if (!test.element.hidden) {
      test.element.open = isOpen;
    }
  }
}

form.addEventListener("input", () => {
  filter();
  tell();
});
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("open").addEventListener("click", () => setOpen(true));
document.getElementById("close").addEventListener("click", () => setOpen(false));
// NB: with the identifier "reset" it would hide the form's function of that name.
document.getElementById("clear").addEventListener("click", () => {
  form.reset();
  filter();
  tell();
});
addEventListener("hashchange", follow);
for (const button of document.querySelectorAll("button.group")) {
  button.addEventListener("click", () => {
    form.elements.group.value = button.dataset.group;
    filter();
    tell();
    form.scrollIntoView();
    form.elements.group.focus();
  });
}
form.hidden = false;
filter();
follow();
