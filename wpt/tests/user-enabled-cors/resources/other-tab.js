// Another tab with a page of the test's origin. Its questions are not this tab's, and its user is told by `user` of what openTab()
// returns. Needs servers.sub.js and user.js.

class Tab {
  // `open` brings up the tab's page, and returns its window.
  constructor(t, open = (url) => window.open(url)) {
    this.name = newToken();
    this.answers = new Map();
    this.count = 0;
    this.shown = 0;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.#receive(data);
    this.user = userOf((command, parameters) => this.run((...all) => test_driver_internal.user_enabled_cors(...all), command, parameters));
    this.window = open(this.page());
    t.add_cleanup(() => {
      this.channel.close();
      this.window.close();
    });
  }

  page() {
    return `/user-enabled-cors/resources/other-tab.html?${this.name}`;
  }

  #receive({ id, value, error, isShown }) {
    if (isShown) {
      this.shown++;
      return;
    }
    const { resolve, reject } = this.answers.get(id);
    if (error) {
      reject(new Error(error));
    } else {
      resolve(value);
    }
  }

  // Calls a function in the tab's page and returns what comes of it.
  run(func, ...args) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.answers.set(id, { resolve, reject });
      this.channel.postMessage({ id, source: String(func), args });
    });
  }

  // Fetches in the tab's page: the status, or the error's name.
  fetch(url, init) {
    return this.run((...all) => fetch(...all).then((response) => response.status, (error) => error.name), url, init);
  }

  // Does what leads to the tab's page anew, and waits for it.
  async shows(t, func, ...args) {
    const before = this.shown;
    await this.run(func, ...args);
    await eventually(t, () => this.shown > before, "the other tab's page is there");
  }

  reload(t) {
    return this.shows(t, () => void setTimeout(() => location.reload()));
  }

  // Goes to another page and back.
  leaveAndReturn(t, origin) {
    const url = respond(origin, { type: "text/html", body: `<script>location = ${JSON.stringify(new URL(this.page(), location).href)}<\/script>` });
    return this.shows(t, (url) => void setTimeout(() => (location = url)), url);
  }

  // Goes to another page, and back in history. The page may be another one afterwards, or the same.
  async leaveAndGoBack(t, origin) {
    const token = newToken();
    const arrived = JSON.stringify(respond(origin, { token }));
    // Once it has run something itself, the tab's page does not answer before it is back.
    const script = `fetch(${arrived}, { mode: "no-cors" }).then(() => history.back());`;
    const url = respond(origin, { type: "text/html", body: `<script>${script}<\/script>` });
    await this.run((url) => void setTimeout(() => (location = url)), url);
    await eventually(t, async () => (await seen(token)).length > 0, "the other page is there");
    await this.isBack(t);
  }

  // Goes to another page that does what it is told, and returns a Tab for that one.
  async goOn(t) {
    const next = new Tab(t, (url) => {
      this.run((url) => void setTimeout(() => (location = url)), url);
      return this.window;
    });
    await next.isThere(t);
    return next;
  }

  // Goes back or forward in history, to the page of the Tab `to`.
  async go(t, by, to) {
    await this.run((by) => void setTimeout(() => history.go(by)), by);
    await to.isBack(t);
  }

  isThere(t) {
    return eventually(t, () => this.shown > 0, "the other tab's page is there");
  }

  // Waits until the page answers, which it does not while another one is shown.
  isBack(t) {
    const answers = () => Promise.race([this.run(() => true), new Promise((resolve) => t.step_timeout(resolve, 100))]);
    return eventually(t, answers, "the other tab's page is there again");
  }

  async close(t) {
    await this.run(() => void setTimeout(() => close()));
    await eventually(t, () => this.window.closed, "the tab is closed");
  }
}

async function openTab(t) {
  const tab = new Tab(t);
  await tab.isThere(t);
  return tab;
}
