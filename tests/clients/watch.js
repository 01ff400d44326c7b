// What a client sees of its streams. Runs in pages, put there as text, and in Node: it imports
// nothing. Every kind of client is a class with the interface of EventSource.

export function watch(kinds) {
  const streams = [];

  // `once`: closed at the first error, which for a body that ends is its end.
  function open({ kind, url, names = [], once = false, credentials = false }) {
    const source = new kinds[kind](url, { withCredentials: credentials });
    const seen = { opens: 0, errors: 0, closed: 0, events: [] };
    source.onopen = () => { seen.opens += 1; };
    source.onerror = () => {
      seen.errors += 1;
      // The client has given up for good; a page that is told so has to open a new one.
      if (source.readyState === 2) seen.closed += 1;
      if (once) source.close();
    };
    const note = ({ type, data, lastEventId }) => seen.events.push({ type, data, id: lastEventId });
    source.onmessage = note;
    for (const name of names) source.addEventListener(name, note);
    return streams.push({ source, seen }) - 1;
  }

  const seen = ({ stream }) => ({ state: streams[stream].source.readyState, ...streams[stream].seen });
  const close = ({ stream }) => streams[stream].source.close();

  return { open, seen, close };
}

// @microsoft/fetch-event-source behind the interface of EventSource. It takes a clean end for the
// end of all; `onclose` that throws makes it come back, as its documentation says.
export function asEventSource(fetchEventSource) {
  return class {
    readyState = 0;
    #left = new AbortController();
    #listeners = new Map();

    constructor(url) {
      const ended = () => {
        this.readyState = 0;
        this.onerror?.();
      };
      fetchEventSource(url, {
        signal: this.#left.signal,
        openWhenHidden: true,
        onopen: async (response) => {
          if (response.status !== 200) throw new Error(`status ${response.status}`);
          this.readyState = 1;
          this.onopen?.();
        },
        onmessage: ({ event, data, id }) => this.#message({ type: event || "message", data, lastEventId: id }),
        onclose: () => { throw new Error("the body has ended"); },
        onerror: ended,
      });
    }

    #message(event) {
      // Its one callback gets everything: an event without data too, which no EventSource shows.
      if (event.type === "message") this.onmessage(event);
      else this.#listeners.get(event.type)?.(event);
    }

    addEventListener(name, listener) {
      this.#listeners.set(name, listener);
    }

    close() {
      this.readyState = 2;
      this.#left.abort();
    }
  };
}
