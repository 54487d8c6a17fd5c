import { describe, expect, it } from '@jest/globals';
import { findings, measurement, round } from './findings.fixture.js';
import { readmeSection, withSection } from './readme-section.text.js';

const MEASURED = [
  measurement('express/bare', round(1_000)),
  measurement('express/sqlite/leeway-0/1k', round(700)),
  measurement('express/sqlite/default-leeway/1k', round(900)),
  measurement('express/sqlite/leeway-0/1m', round(650, { peakMemory: 150 * 1_048_576 })),
];

describe('withSection', () => {
  it('replaces what stands between the markers, and nothing else', () => {
    const text = 'a\n<!-- bench -->\n\nold\n\n<!-- /bench -->\nb\n';
    const replaced = 'a\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nb\n';
    expect(withSection(text, 'new')).toBe(replaced);
    expect(withSection(replaced, 'new')).toBe(replaced);
  });

  it.each(['a', '<!-- bench -->', '<!-- /bench -->', '<!-- /bench --> <!-- bench -->'])('refuses %p', (text) => {
    expect(() => withSection(text, 'new')).toThrow(
      'test/bench/README.md: takes the lines <!-- bench --> and <!-- /bench -->',
    );
  });
});

describe('readmeSection', () => {
  it('names the machine, the day and how it was measured', () => {
    const section = readmeSection(findings(MEASURED));
    const words = [
      '2026-01-31',
      'Example 9000',
      '2 processors',
      '8 GiB',
      'Linux 6.1',
      'v20.19.0',
      'SQLite 3.50',
      'ext4',
    ];
    for (const word of [...words, 'server on processor 0', '32 connections', 'ES256', '3 rounds']) {
      expect(section).toContain(word);
    }
  });

  it('compares all at one size, and shows growth on its own', () => {
    const section = readmeSection(findings(MEASURED));
    expect(section).toMatch(/^\| Express \+ SQLite, leeway 0, 1k sessions \| 700 \| 0\.70 \|/m);
    expect(section).toMatch(/^\| Express \+ SQLite, default leeway, 1k sessions \| 900 \|/m);
    expect(section).not.toMatch(/^\| Express \+ SQLite, leeway 0, 1m sessions/m);
    expect(section).toMatch(/^\| leeway 0, a second \| 1k sessions \| 1m sessions \| peak MiB at 1m \|$/m);
    expect(section).toMatch(/^\| Express \+ SQLite \| 700 \| 650 \| 150 \|$/m);
  });

  it('says how many refreshes rotated with the default leeway, where that was measured', () => {
    const rotated = [300, 200].map((tokens) =>
      measurement('express/sqlite/default-leeway/1k', round(1_000, { rotated: tokens })),
    );
    expect(readmeSection(findings(rotated))).toContain('with the default one at most 30 % did');
    expect(readmeSection(findings([]))).toContain('rotates and writes.');
  });

  it('says what a session takes where that was measured', () => {
    const file = { asWritten: 99_000, rows: 100 };
    const size = {
      sessions: 100,
      refreshes: 100,
      before: { ...file, vacuumed: 31_000 },
      after: { ...file, vacuumed: 32_000 },
      empty: 1_000,
    };
    expect(readmeSection(findings(MEASURED, { size }))).toContain('300 bytes on SQLite');
    expect(readmeSection(findings(MEASURED))).not.toContain('bytes');
  });

  it('is not written from a run that is none to show', () => {
    const { options } = findings([]);
    const refused = [
      { options: { ...options, isQuick: true } },
      { options: { ...options, isProfiled: true } },
      { wrongAnswers: ['express/bare, round 1: 1 times status 500'] },
    ];
    for (const more of refused) expect(() => readmeSection(findings(MEASURED, more))).toThrow('got the JSON of a');
  });
});
