import { describe, expect, it } from '@jest/globals';
import { findings, measurement, round } from './findings.fixture.js';
import { faultsOf, figuresOf, wrongAnswersOf } from './report.js';
import { reportText } from './report.text.js';
import type { SizeResult } from './size-measurement.js';
import { targetsOf } from './targets.js';

const SERVICE = 'fastify/sqlite/leeway-0/1k';

/** A file of a thousand sessions, and how many rows there are after all refreshes. */
function sizeOf(rowsAfter: number): SizeResult {
  const file = { asWritten: 99_000, vacuumed: 90_000 };
  return {
    sessions: 1_000,
    refreshes: 100,
    before: { ...file, rows: 1_000 },
    after: { ...file, rows: rowsAfter },
    empty: 40_000,
  };
}

describe('figuresOf', () => {
  it('compares with bare Express and with the bare handler of the same adapter', () => {
    const figures = figuresOf([
      measurement('express/bare', round(1_000)),
      measurement('fastify/bare', round(4_000)),
      measurement(SERVICE, round(2_000)),
    ]);
    const service = figures.find(({ name }) => name === SERVICE);
    expect(service).toMatchObject({ toExpress: { median: 2 }, toOwn: { median: 0.5 } });
  });

  it('compares with nothing that was not measured', () => {
    expect(figuresOf([measurement(SERVICE, round(2_000))])).toMatchObject([{ toExpress: null, toOwn: null }]);
  });

  it('tells the time of one answer in microseconds, and shares', () => {
    const [figure] = figuresOf([
      measurement(SERVICE, round(2_000, { serverProcessorTime: 0.9, generatorProcessorTime: 0.3, rotated: 500 })),
    ]);
    expect(figure).toMatchObject({
      perSecond: { median: 2_000 },
      processorTime: { median: 450 },
      generator: { median: 0.3 },
      rotated: { median: 0.25 },
    });
  });

  it('has the most memory that any round saw, and no time where the system tells none', () => {
    const [figure] = figuresOf([
      measurement(SERVICE, round(1, { peakMemory: 5 }), round(1, { peakMemory: 7 }), round(1, { peakMemory: null })),
    ]);
    expect(figure).toMatchObject({ peakMemory: 7 });
    const [untold] = figuresOf([measurement(SERVICE, round(1, { peakMemory: null, serverProcessorTime: null }))]);
    expect(untold).toMatchObject({ peakMemory: null, processorTime: null });
  });

  it('says nothing of rounds without an answer', () => {
    const figures = figuresOf([
      measurement(SERVICE, round(0), round(2_000)),
      measurement('express/bare', round(0), round(0)),
    ]);
    expect(figures).toMatchObject([{ name: SERVICE, perSecond: { min: 2_000, max: 2_000 }, toExpress: null }]);
  });
});

describe('wrongAnswersOf', () => {
  it('names contender, round, reason and how many, a round without a good answer too', () => {
    const wrong = wrongAnswersOf([
      measurement('express/bare', round(10)),
      measurement(SERVICE, round(10), round(0, { failures: { 'status 503': 3, 'the same token again': 1 } })),
    ]);
    expect(wrong).toEqual([
      `${SERVICE}, round 2: 3 times status 503`,
      `${SERVICE}, round 2: 1 times the same token again`,
    ]);
  });
});

describe('faultsOf', () => {
  const fine = findings([], { rows: [{ database: 'sqlite/1k', before: 1_000, after: 1_000 }], size: sizeOf(1_000) });
  const missing = [{ name: SERVICE, reason: 'connect ECONNREFUSED' }];

  it.each([
    ['a wrong answer', { wrongAnswers: [`${SERVICE}, round 1: 3 times status 503`] }],
    ['a row more', { rows: [...fine.rows, { database: 'postgresql/1k', before: 1_000, after: 1_001 }] }],
    ['a row less', { rows: [{ database: 'sqlite/1k', before: 1_000, after: 999 }] }],
    ['a row more after many refreshes', { size: sizeOf(1_001) }],
  ])('%s is one', (_, more) => {
    expect(faultsOf({ ...fine, ...more }, { needsAll: false })).toHaveLength(1);
  });

  it('what is not available is one only where all is needed', () => {
    expect(faultsOf({ ...fine, notAvailable: missing }, { needsAll: true })).toHaveLength(1);
    expect(faultsOf({ ...fine, notAvailable: missing }, { needsAll: false })).toEqual([]);
  });

  it('there is none where all went well', () => {
    expect(faultsOf(fine, { needsAll: true })).toEqual([]);
    expect(faultsOf(findings([], { size: null }), { needsAll: true })).toEqual([]);
  });
});

describe('reportText', () => {
  const measured = [measurement('express/bare', round(1_000)), measurement(SERVICE, round(1_250))];
  const textOf = (more: Parameters<typeof findings>[1] = {}, measurements = measured) => {
    const found = findings(measurements, more);
    return reportText(found, targetsOf(found));
  };

  it('has a row for each contender', () => {
    const row = /^Fastify \+ SQLite, leeway 0, 1k sessions +1,250 +4\.0 +9\.0 +400 +100 +1\.25 +– +100 % +25 %$/m;
    expect(textOf()).toMatch(row);
  });

  it('says of a median between what it lies', () => {
    const text = textOf({}, [measurement(SERVICE, round(1_000), round(3_000), round(1_200))]);
    expect(text).toContain('1,200 (1,000–3,000)');
  });

  it('tells what is not available, and why', () => {
    const text = textOf({ notAvailable: [{ name: 'express/mariadb/leeway-0/1k', reason: 'connect ECONNREFUSED' }] });
    expect(text).toContain('express/mariadb/leeway-0/1k: connect ECONNREFUSED');
    expect(textOf()).not.toContain('Not available');
  });

  it('marks what the generator may have slowed down', () => {
    const text = textOf({}, [measurement(SERVICE, round(1_250, { generatorProcessorTime: 0.95 }))]);
    expect(text).toMatch(/95 % !$/m);
    expect(textOf()).not.toMatch(/% !$/m);
  });

  it('tells wrong answers last', () => {
    expect(textOf({ wrongAnswers: [`${SERVICE}, round 1: 3 times status 503`] })).toMatch(
      /WRONG ANSWERS.*\n.*3 times status 503$/,
    );
    expect(textOf()).not.toContain('WRONG');
  });

  it('says that a busy machine and a profile make figures too low, and that a quick run is none', () => {
    const { machine, options } = findings([]);
    expect(textOf({ machine: { ...machine, loadBefore: 1 } })).toContain('The machine was busy (load 1.0');
    expect(textOf({ options: { ...options, isProfiled: true } })).toContain('profiled');
    expect(textOf({ options: { ...options, isQuick: true } })).toContain('no measurement');
    expect(textOf()).not.toMatch(/busy \(load|profiled|no measurement/);
  });
});
