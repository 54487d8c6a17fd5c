const MAX_LINES = 40;

/** An element of the page. */
export function element(id) {
  return document.querySelector(`#${id}`);
}

/** The beginning and the end of a token: enough to tell two tokens apart, too little to use one. */
export function short(token) {
  return `${token.slice(0, 6)}…${token.slice(-6)}`;
}

/** A time in milliseconds as text, in whole seconds. */
export function seconds(milliseconds) {
  return `${Math.max(0, Math.ceil(milliseconds / 1_000))} s`;
}

/** Makes a log in `list`, the newest line on top. A line that repeats the last one is counted there. */
export function logIn(list) {
  let last = {};
  return (kind, text) => {
    if (last.text === text && last.line.parentNode) {
      last.times += 1;
      last.counter.textContent = ` × ${last.times}`;
      last.time.textContent = timeOfDay();
      return;
    }
    const line = document.createElement('p');
    line.className = kind;
    const time = document.createElement('time');
    time.textContent = timeOfDay();
    const counter = document.createElement('span');
    line.append(time, ' ', text, counter);
    list.prepend(line);
    while (list.childElementCount > MAX_LINES) list.lastElementChild.remove();
    last = { text, line, time, counter, times: 1 };
  };
}

/** The time of day as hours, minutes and seconds. */
export function timeOfDay(date = new Date()) {
  return date.toLocaleTimeString('en-GB');
}

/** The message of an error. */
export function why(error) {
  return error instanceof Error ? error.message : String(error);
}

/** A sentence that says why the session is over. */
export function endOf(reason) {
  if (reason === 'sign_out') return 'Signed out, in every tab.';
  return `The refresh token was refused: the session is over (${reason}).`;
}
