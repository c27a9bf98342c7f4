// Why there is no answer, in plain words.

/** An error that a person can do something about: its message is shown as it is. */
export class Refusal extends Error {
  /** @param {number} status as of HTTP; 0: nothing answered. */
  constructor(status, reason = "") {
    super(words(status, reason));
    this.status = status;
  }
}

function words(status, reason) {
  switch (status) {
    case 0: return "Nothing answers. Is the server still running?";
    case 413: return "This is too much text for one puzzle. Shorten it, then try again.";
    case 422: return `This puzzle cannot be used: ${reason}`;
    case 429: return "Too many people are asking at the moment. Wait a few seconds, then try again.";
    case 503: return "The server is shutting down or overloaded. Try again in a minute.";
    case 504: return "The time was up before there was an answer. Try again with less effort.";
    default: return reason || `The server answered with an error (${status}).`;
  }
}
