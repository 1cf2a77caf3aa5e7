// How values read. Each function takes what the envelope has and returns text;
// null, which is unknown, stays null. Integers beyond 2^53 come as BigInt.

const grouped = new Intl.NumberFormat('en');
const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const here = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

const MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

// known applies a format to what is known.
const known = (format) => (value) => (value === null || value === undefined ? null : format(value));

// text is a text, an identifier or anything else as it is.
export const text = known(String);

export const integer = known((n) => minus(grouped.format(n)));

// duration has the two largest units of a number of whole seconds.
export const duration = known((seconds) => {
  if (typeof seconds === 'bigint') return `${integer(seconds)} s`;
  const s = Math.abs(seconds);
  return (seconds < 0 ? '−' : '') + magnitude(s);
});

function magnitude(s) {
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min ${s % MINUTE} s`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h ${Math.floor((s % HOUR) / MINUTE)} min`;
  return `${grouped.format(Math.floor(s / DAY))} d ${Math.floor((s % DAY) / HOUR)} h`;
}

// seconds is a number of seconds that need not be whole.
export const seconds = known((n) => `${minus(String(n))} s`);

// cpuTime is a number of ticks as time.
export function cpuTime(ticks, clkTck) {
  if (ticks === null || ticks === undefined || !clkTck) return null;
  const s = Number(ticks) / clkTck;
  return s < MINUTE ? `${s.toFixed(1)} s` : duration(Math.round(s));
}

// milliseconds never shows a time that is not zero as zero.
export const milliseconds = known((n) => {
  if (n > 0 && n < 0.05) return 'under 0.1 ms';
  return `${n < 10 ? n.toFixed(1) : grouped.format(Math.round(n))} ms`;
});

// usd has two decimals, so that amounts below each other can be compared, and never
// shows an amount that is not zero as zero.
export const usd = known((amount) => {
  const n = Number(amount);
  if (n !== 0 && Math.abs(n) < 0.005) return `${n < 0 ? '−' : ''}<$0.01`;
  return minus(money.format(n));
});

// compact is a large number in three digits.
export const compact = known((n) => minus(short.format(n)));

export const bytes = known((n) => {
  let size = Number(n), unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit > 0 && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
});

// rate is how many there are a second.
export const rate = known((n) => (n > 0 && n < 0.1 ? '<0.1' : grouped.format(n < 10 ? Number(n.toFixed(1)) : Math.round(n))));

// share is a fraction of one core in per cent.
export const share = known((fraction) => {
  const percent = fraction * 100;
  return `${percent < 10 ? Number(percent.toFixed(1)) : grouped.format(Math.round(percent))} %`;
});

// instant is a time of the envelope, which is in UTC, for people.
export const instant = known((iso) => String(iso).replace('T', ' ').replace(/Z$/, ' UTC'));

// local is a time of the envelope where the reader is.
export function local(iso) {
  const time = Date.parse(iso);
  return Number.isNaN(time) ? '' : `${here.format(time)} (your time)`;
}

// timeOfDay leaves out the date if it is that of another time.
export function timeOfDay(iso, now) {
  const [date, time] = String(iso).split('T');
  return time && String(now).startsWith(`${date}T`) ? instant(time) : instant(iso);
}

// ago is how long before another time a time was.
export function ago(iso, now) {
  const passed = (Date.parse(now) - Date.parse(iso)) / 1000;
  if (!Number.isFinite(passed)) return null;
  return passed < 0 ? `in ${magnitude(Math.round(-passed))}` : `${magnitude(Math.round(passed))} ago`;
}

export const counted = (n, one, many) => `${integer(n)} ${n === 1 ? one : many}`;

function minus(text) {
  return text.replace('-', '−');
}
