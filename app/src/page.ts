import { type Entry, PAGE_SIZE, type Reading } from "./guestbook";
import { type Html, html } from "./html";
import { freshnessInWords } from "./lag";
import { type FieldProblem, MESSAGE_LIMIT, NAME_LIMIT } from "./validation";

/** What every page shows about the one who made it. */
export interface PageContext {
  /** Name of the web server. */
  readonly serverName: string;
  readonly release: string | undefined;
  /** Address of the style sheet, with its hash. */
  readonly stylesheet: string;
  readonly icon: string;
}

/** What the form holds when it is shown. */
export interface FormState {
  /** The entry's id, made with the page: sending one form twice stores one entry. */
  readonly id: string;
  readonly name: string;
  readonly message: string;
  readonly problems: readonly FieldProblem[];
}

/**
 * The guestbook: an empty form and the latest entries.
 *
 * @param signed - id of the entry that the visitor has just written, to be thanked for
 */
export function guestbookPage(context: PageContext, form: FormState, reading: Reading, signed?: string): string {
  const { entries } = reading;
  const count = entries.length >= PAGE_SIZE ? `the latest ${String(PAGE_SIZE)}` : `${String(entries.length)} so far`;
  const list =
    entries.length === 0
      ? html`<p class="empty">Nobody has written yet. Be the first!</p>`
      : html`<ol class="entries">
          ${entries.map(entryItem)}
        </ol>`;
  return layout(
    context,
    // Of a page that is loaded, screen readers say the title for certain, and a status only maybe.
    signed === undefined ? "Guestbook" : "Thank you for your entry",
    html`${signed === undefined ? [] : thanks(entries, signed)} ${formSection(form)}
      <section aria-labelledby="entries-title">
        <h2 id="entries-title">Entries <span class="count">${count}</span></h2>
        ${list}
      </section>`,
    reading,
  );
}

/** By name, where the entry is among those that are shown. */
function thanks(entries: readonly Entry[], signed: string): Html {
  const entry = entries.find(({ id }) => id === signed);
  const whom = entry === undefined ? html`` : html`, <bdi>${entry.name}</bdi>`;
  return html`<p class="notice" role="status">Thank you${whom}! Your entry is in the guestbook.</p>`;
}

/** The form again, with what was written in it and what is wrong with it. */
export function invalidPage(context: PageContext, form: FormState): string {
  return layout(
    context,
    "Please check your entry",
    html`${formSection(form)}
      <p><a href="/">Back to the entries</a></p>`,
  );
}

/** The database is away; a form that was being sent comes back with its text, ready to be sent again. */
export function unavailablePage(context: PageContext, form: FormState | undefined): string {
  const notice =
    form === undefined
      ? html`<p>
          The guestbook's database does not answer at the moment. Please
          <a href="/">try again</a> in a few seconds.
        </p>`
      : html`<p>
          The guestbook's database does not answer at the moment, so your entry may not have been saved. Your text is
          still here: please send it again in a few seconds. It will not appear twice.
        </p>`;
  return layout(
    context,
    "Back in a moment",
    html`<div class="notice" role="alert">
        <h2>Back in a moment</h2>
        ${notice}
      </div>
      ${form === undefined ? [] : formSection(form)}`,
  );
}

/** A short page for an answer that is not the guestbook, such as 404. */
export function messagePage(context: PageContext, title: string, text: string): string {
  return layout(
    context,
    title,
    html`<div class="notice">
      <h2>${title}</h2>
      <p>${text}</p>
      <p><a href="/">To the guestbook</a></p>
    </div>`,
  );
}

function layout(context: PageContext, title: string, main: Html, reading?: Reading): string {
  const release = context.release === undefined ? [] : fact("Release", html`${context.release.slice(0, 12)}`);
  const database =
    reading === undefined
      ? []
      : fact(
          "Database",
          html`${reading.database} <span class="detail">(${freshnessInWords(reading.freshness)})</span>`,
        );
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          name="description"
          content="The guestbook of www.foobar.com: leave a few words, and read what others have written."
        />
        <title>${title} · www.foobar.com</title>
        <link rel="icon" type="image/svg+xml" href="${context.icon}" />
        <link rel="stylesheet" href="${context.stylesheet}" />
      </head>
      <body>
        <header class="masthead">
          <p class="site"><a href="/">www.foobar.com</a></p>
          <h1>Guestbook</h1>
          <p class="lead">Leave a few words. Everyone who comes by can read them.</p>
        </header>
        <main>${main}</main>
        <footer class="strip">
          <dl>${fact("Web server", html`${context.serverName}`)} ${database} ${release}</dl>
        </footer>
      </body>
    </html> `.text;
}

function fact(term: string, value: Html): Html {
  return html`<div>
    <dt>${term}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** The fields that a visitor fills in, from the top. */
const TEXT_FIELDS = ["name", "message"] as const;
type TextField = (typeof TEXT_FIELDS)[number];

function formSection(form: FormState): Html {
  return html`<section class="card" aria-labelledby="form-title">
    <h2 id="form-title">${form.problems.length === 0 ? "Write an entry" : "Please check your entry"}</h2>
    ${form.problems.filter(({ field }) => field === "id").map(({ advice }) => html`<p class="problem">${advice}</p>`)}
    <form method="post" action="/" accept-charset="utf-8">
      <input type="hidden" name="id" value="${form.id}" />
      <div class="field">
        <label for="name">Your name</label>
        <input
          id="name"
          name="name"
          type="text"
          value="${form.name}"
          required
          maxlength="${String(NAME_LIMIT)}"
          autocomplete="name"
          dir="auto"
          ${stateOf(form, "name")}
        />
        ${problemText(form, "name")}
      </div>
      <div class="field">
        <label for="message">Your message</label>
        <textarea
          id="message"
          name="message"
          rows="4"
          required
          maxlength="${String(MESSAGE_LIMIT)}"
          dir="auto"
          ${stateOf(form, "message", "message-hint")}
        >
${form.message}</textarea>
        <p class="hint" id="message-hint">Up to ${String(MESSAGE_LIMIT)} characters.</p>
        ${problemText(form, "message")}
      </div>
      <button type="submit">Sign the guestbook</button>
    </form>
  </section>`;
}

/** What describes the field, whether it is good, and the focus where it is the first that is not. */
function stateOf(form: FormState, field: TextField, hint?: string): Html {
  const problem = form.problems.some((candidate) => candidate.field === field);
  const ids = [...(hint === undefined ? [] : [hint]), ...(problem ? [`${field}-problem`] : [])].join(" ");
  const described = ids === "" ? html`` : html`aria-describedby="${ids}"`;
  const first = TEXT_FIELDS.find((name) => form.problems.some((candidate) => candidate.field === name)) === field;
  return problem ? html`${described} aria-invalid="true" ${first ? html`autofocus` : []}` : described;
}

function problemText(form: FormState, field: TextField): readonly Html[] {
  return form.problems
    .filter((problem) => problem.field === field)
    .map(({ advice }) => html`<p class="problem" id="${field}-problem">${advice}</p>`);
}

const DATE = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** The header runs in the name's direction, so that a name in Arabic stands on the right and the date on the left. */
function entryItem(entry: Entry): Html {
  return html`<li>
    <article class="card entry">
      <header dir="auto">
        <h3>${entry.name}</h3>
        <time dir="ltr" datetime="${entry.createdAt}">${DATE.format(new Date(entry.createdAt))} UTC</time>
      </header>
      <p dir="auto">
        ${entry.message.split("\n").map((line, index) => (index === 0 ? html`${line}` : html`<br />${line}`))}
      </p>
    </article>
  </li>`;
}
