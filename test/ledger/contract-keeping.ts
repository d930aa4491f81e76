// The part of the store contract about one snapshot: begun, filled, counted, closed, resumed, never changed.

import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/base/json.ts';
import type { Case, CaseOutline, SnapshotSummary } from '../../src/core/index.ts';
import { freshStore, type OpenStore, refusal, suite } from './contract-setup.ts';
import {
  answered,
  closing,
  collect,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  skipped,
  ungraded,
  VALID,
} from './world.ts';

export function keepingContract(open: () => Promise<OpenStore>): void {
  describe('a snapshot', () => {
    const held = freshStore(open);
    describe('keeping a run', () => {
      it('gives back suite, releases and trials exactly as they were', async () => {
        const { store } = held.current;
        const judge = refundRelease('gpt-4o-mini-2024-07-18', { name: 'judge', notes: 'strict' });
        const odd = refundCase('kettle-04', {
          expected: undefined,
          messages: [
            { role: 'user', content: 'hello', name: 'ann' },
            {
              role: 'assistant',
              content: '',
              toolCalls: [{ id: 'c1', name: 'look_up', args: { order: 12 } }],
            },
            { role: 'tool', content: '{}', toolCallId: 'c1' },
          ],
          source: { kind: 'incident', ref: 'INC-42', at: '2026-03-15' },
          meta: { note: 'x'.repeat(300), mark: '\u0001#0', nested: { $content: 3 } },
          where: { file: 'suites/a.yaml', line: 12, column: 3, caseId: 'kettle-04', key: 'grade' },
        });
        const whole = refundSuite([...suite.cases, odd], {
          description: null,
          judgeFile: 'releases/judge.yaml',
        });
        const rows = [
          graded(
            answered('kettle-01', 0, {
              output: {
                text: 'null byte \u0000 and 🐙 and \u0001=',
                toolCalls: [{ name: 'refund', args: 'not json {' }],
                refusal: 'no',
              },
              stopReason: 'other:odd',
              usage: {
                inputTokens: 1,
                outputTokens: 2,
                cachedInputTokens: 3,
                cacheWriteTokens: 4,
                reasoningTokens: 5,
              },
              costUsd: null,
              droppedParams: ['seed', 'temperature'],
              served: {
                model: null,
                systemFingerprint: null,
                serviceTier: null,
                region: 'eu',
                requestId: null,
                simulated: true,
              },
            }),
            [scored('names-refund', true, { details: { votes: [1, 0, 1] } }), ungraded('tone')],
            { judgeCostUsd: 0.25, measures: { length: 40, refusal: true } },
          ),
          graded(answered('kettle-01', 1, { usage: null, latencyMs: null, attempts: [], sent: null }), []),
          graded(failed('kettle-02'), [], { judgeCostUsd: null }),
          graded(skipped('kettle-03', 0, 'deadline')),
          graded(answered('kettle-04', 0, { usage: {} })),
        ];
        await store.begin(newSnapshot('sfull000', whole, { judge, labels: { branch: 'main' } }));
        await store.append('sfull000', rows);

        for (const reader of [store, await held.current.reopen()]) {
          expect(await reader.suiteOf('sfull000')).toStrictEqual(whole);
          const outline = ({ id, contentHash, trials }: CaseOutline): CaseOutline => ({
            id,
            contentHash,
            trials,
          });
          expect((await reader.caseOutlines('sfull000')).map(outline)).toEqual([...whole.cases].map(outline));
          expect(await reader.caseOf('sfull000', 'kettle-04')).toEqual(odd);
          expect(await reader.caseOf('sfull000', 'no-such-case')).toBeUndefined();
          expect(await reader.releaseOf('sfull000')).toEqual(refundRelease());
          expect(await reader.releaseOf('sfull000', 'judge')).toEqual(judge);
          expect(await collect(reader.trials('sfull000'))).toEqual(rows);
          expect(await collect(reader.trials('sfull000', 'kettle-02'))).toEqual([rows[2]]);
          expect(await collect(reader.trials('sfull000', 'no-such-case'))).toEqual([]);
          if (reader !== store) await reader.close();
        }
        expect((await refusal(store.releaseOf('sfull000', 'embedder'))).code).toBe('RELEASE_ABSENT');
      });

      it('tells comparisons the numbers of every case, also of those nobody tried', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('snumbers', suite));
        await store.append('snumbers', [
          graded(answered('kettle-02'), [scored('names-refund', false), scored('short', true)]),
          graded(answered('kettle-01', 1), [ungraded('tone')]),
          graded(failed('kettle-01', 0, 'timeout')),
        ]);
        const { cases, summary } = await store.results('snumbers');
        expect(summary.id).toBe('snumbers');
        expect(cases.map((c) => [c.id, c.plannedTrials, c.trials.length])).toEqual([
          ['kettle-01', 2, 2],
          ['kettle-02', 1, 1],
          ['kettle-03', 1, 0],
        ]);
        const [first, second] = cases;
        expect(second).toMatchObject({
          tags: ['refund', 'tone'],
          group: 'ticket-8812',
          critical: true,
          minPassRate: 0.8,
        });
        expect(second?.exam).toEqual(newSnapshot('snumbers', suite).caseExam(suite.cases.at(1) as Case));
        expect(second?.trials[0]).toMatchObject({
          trial: 0,
          status: 'answered',
          cause: null,
          pass: false,
          score: 0.5,
          ungraded: [],
          length: 23,
          latencyMs: 812.5,
          costUsd: 0.0005,
          outputTokens: 9,
          refusal: false,
          stopReason: 'stop',
          servedModel: 'gpt-4o-2024-11-20',
          systemFingerprint: 'fp_1',
        });
        expect(first?.trials[0]).toMatchObject({
          status: 'failed',
          cause: 'timeout',
          pass: null,
          outputHash: null,
        });
        expect(first?.trials[1]).toMatchObject({ pass: null, score: null, ungraded: ['judge_error'] });
        expect(first?.trials[1]?.outputHash).toBe(second?.trials[0]?.outputHash);
      });

      it('counts while the run goes on, and the end changes none of the numbers', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('scounted', suite));
        await store.append('scounted', [
          graded(answered('kettle-01', 0), undefined, { judgeCostUsd: 0.5 }),
          graded(failed('kettle-02')),
        ]);
        await store.append('scounted', [
          graded(answered('kettle-01', 1, { served: { ...answered('x').served, model: null } }), [
            scored('names-refund', false),
          ]),
        ]);
        await store.append('scounted', [graded(answered('kettle-03'), [ungraded('tone')])]);
        const running = (await store.list())[0];
        expect(running).toMatchObject({
          state: 'running',
          validity: 'invalid',
          finishedAt: null,
          cases: 3,
          plannedTrials: 4,
          trials: 4,
          answered: 3,
          failed: 1,
          skipped: 0,
          ungraded: 1,
          passRate: 0.5,
          meanScore: 0.5,
          calls: 5,
          costUsd: 0.0015,
          judgeCostUsd: 0.5,
          servedModels: ['gpt-4o-2024-11-20', null],
          systemFingerprints: ['fp_1'],
          simulated: false,
          pinned: true,
          suite: 'refund-bot',
          suiteHash: suite.hash,
          fingerprint: refundRelease().fingerprint,
          layerHashes: refundRelease().layerHashes,
        });
        const end = closing({
          validity: 'degraded',
          validityReasons: ['1 of 4 trials failed'],
          findings: [{ code: 'ALIAS', message: 'floating' }],
        });
        const finished = await store.finish('scounted', end);
        expect(finished).toEqual({ ...running, ...end });
        expect(await store.list()).toEqual([finished]);
      });

      it('gives no rate where nothing was graded, and no cost where one is unknown', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('sunknown', suite));
        expect((await store.list())[0]).toMatchObject({
          passRate: null,
          meanScore: null,
          costUsd: 0,
          judgeCostUsd: 0,
        });
        await store.append('sunknown', [
          graded(answered('kettle-01', 0, { costUsd: null }), [], { judgeCostUsd: null }),
          graded(answered('kettle-01', 1)),
        ]);
        expect((await store.list())[0]).toMatchObject({
          passRate: 1,
          ungraded: 1,
          costUsd: null,
          judgeCostUsd: null,
        });
      });

      it('takes no lost call for a free one, before and after all is counted anew', async () => {
        const { store } = held.current;
        const many = refundSuite([refundCase('kettle', { trials: 9 })]);
        const attempt = (outcome: string, httpStatus?: number) => ({
          ...{ startedAt: '2026-03-15T02:00:01.000Z', latencyMs: 90, outcome },
          ...(httpStatus === undefined ? {} : { httpStatus }),
        });
        const lost = { attempts: [attempt('rate_limited', 429), attempt('connection')] };
        const free = { attempts: [attempt('server_error', 503), attempt('no_recording')] };
        const rows = [
          graded(answered('kettle', 0, { costUsd: 0.25 })),
          graded({ ...failed('kettle', 1), ...free }),
          graded(skipped('kettle', 2)),
        ];
        const counted = async (id: string): Promise<unknown> => {
          const { costUsd, knownCostUsd, unpricedTrials } = await store.resolve(id, { now: new Date() });
          return [costUsd, knownCostUsd, unpricedTrials];
        };
        await store.begin(newSnapshot('sfree001', many));
        await store.append('sfree001', rows);
        expect(await counted('sfree001')).toEqual([0.25, undefined, undefined]);
        await store.finish('sfree001', VALID);
        expect(await counted('sfree001')).toEqual([0.25, undefined, undefined]);

        await store.begin(newSnapshot('slost001', many));
        await store.append('slost001', [
          ...rows,
          graded({ ...failed('kettle', 3), ...lost }),
          graded({ ...failed('kettle', 4, 'timeout'), attempts: [attempt('bad_reply', 200)] }),
          graded({ ...skipped('kettle', 5, 'cancelled'), attempts: [attempt('cancelled')] }),
          graded(answered('kettle', 6, { costUsd: null })),
        ]);
        expect(await counted('slost001')).toEqual([null, 0.25, 4]);
        await store.finish('slost001', closing({ state: 'interrupted' }));
        expect(await counted('slost001')).toEqual([null, 0.25, 4]);
      });

      it('weighs every case alike, however many trials it has', async () => {
        const { store } = held.current;
        const uneven = refundSuite([refundCase('often', { trials: 4 }), refundCase('once')]);
        await store.begin(newSnapshot('suneven0', uneven));
        for (let trial = 0; trial < 4; trial++)
          await store.append('suneven0', [
            graded(answered('often', trial), [scored('names-refund', trial === 0)]),
          ]);
        await store.append('suneven0', [graded(answered('once'))]);
        expect((await store.list())[0]?.passRate).toBe((1 / 4 + 1) / 2);
        expect((await store.finish('suneven0', VALID)).passRate).toBe((1 / 4 + 1) / 2);
      });

      it('says that an answer was simulated', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('ssimul00', suite));
        const served = { ...answered('kettle-01').served, simulated: true };
        await store.append('ssimul00', [graded(answered('kettle-01', 0, { served }))]);
        expect((await store.finish('ssimul00', VALID)).simulated).toBe(true);
      });
    });

    describe('refusing what would damage the record', () => {
      it('takes a trial once, and a batch as a whole', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('sonce000', suite));
        await store.append('sonce000', [graded(answered('kettle-01'))]);
        // Everything about this row is new to the store, and must be so again after the batch was taken back.
        const novel = graded(
          answered('kettle-02', 0, {
            output: { text: 'Nobody has said this before.', toolCalls: [] },
            served: { ...answered('x').served, model: 'gpt-4o-2026-02-02' },
            sent: { prompt: 'A long prompt that no other request of this test has. '.repeat(4) },
            stopReason: 'other:novel',
          }),
          [scored('names-nothing', true)],
        );
        const again = store.append('sonce000', [novel, graded(answered('kettle-01'))]);
        expect((await refusal(again)).code).toBe('TRIAL_EXISTS');
        expect((await collect(store.trials('sonce000'))).map((t) => t.trial.caseId)).toEqual(['kettle-01']);
        expect((await store.list())[0]).toMatchObject({ trials: 1, servedModels: ['gpt-4o-2024-11-20'] });
        const other = graded(
          answered('kettle-01', 1, {
            stopReason: 'other:else',
            served: { ...answered('x').served, model: 'gpt-4o-2027-03-03' },
          }),
          [scored('names-everything', false)],
        );
        await store.append('sonce000', [other, novel]);
        expect(await collect(store.trials('sonce000', 'kettle-02'))).toEqual([novel]);
        expect(await collect(store.trials('sonce000', 'kettle-01'))).toEqual([
          graded(answered('kettle-01')),
          other,
        ]);
        expect((await store.list())[0]?.trials).toBe(3);
      });

      it('knows no trial of a case the suite has not, and no snapshot it was not given', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('sstrange', suite));
        expect((await refusal(store.append('sstrange', [graded(answered('toaster'))]))).code).toBe(
          'CASE_UNKNOWN',
        );
        expect((await refusal(store.begin(newSnapshot('sstrange', suite)))).code).toBe('SNAPSHOT_EXISTS');
        const actions = [
          store.append('snowhere', []),
          store.finish('snowhere', VALID),
          store.reopen('snowhere'),
          store.results('snowhere'),
          store.suiteOf('snowhere'),
          store.caseOutlines('snowhere'),
          store.caseOf('snowhere', 'kettle-01'),
          store.doneTrials('snowhere'),
          collect(store.trials('snowhere')),
        ];
        const refused = await Promise.all(actions.map(refusal));
        expect(refused.map(({ code }) => code)).toEqual(actions.map(() => 'SNAPSHOT_UNKNOWN'));
      });

      it('never changes a finished snapshot', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('sclosed0', suite));
        await store.append('sclosed0', [graded(answered('kettle-01'))]);
        await store.finish('sclosed0', VALID);
        const actions = [
          store.append('sclosed0', [graded(answered('kettle-02'))]),
          store.append('sclosed0', []),
          store.finish('sclosed0', VALID),
          store.reopen('sclosed0'),
        ];
        const refused = await Promise.all(actions.map(refusal));
        expect(refused.map(({ code }) => code)).toEqual(actions.map(() => 'SNAPSHOT_FINISHED'));
        expect((await store.list())[0]?.trials).toBe(1);
      });
    });

    describe('resuming', () => {
      it('keeps what was paid for and drops what was only skipped', async () => {
        const { store } = held.current;
        await store.begin(newSnapshot('sresume0', suite));
        await store.append('sresume0', [
          graded(answered('kettle-01', 1)),
          graded(failed('kettle-02')),
          graded(skipped('kettle-03', 0, 'cancelled')),
          graded(skipped('kettle-01', 0, 'budget')),
        ]);
        const stopped = await store.finish(
          'sresume0',
          closing({ state: 'interrupted', validity: 'degraded' }),
        );
        expect(stopped).toMatchObject({ state: 'interrupted', skipped: 2, trials: 4 });
        expect((await refusal(store.append('sresume0', []))).code).toBe('SNAPSHOT_INTERRUPTED');

        await store.reopen('sresume0');
        expect(await store.doneTrials('sresume0')).toEqual(
          new Map([
            ['kettle-01', new Set([1])],
            ['kettle-02', new Set([0])],
          ]),
        );
        expect((await store.list())[0]).toMatchObject({
          state: 'running',
          finishedAt: null,
          skipped: 0,
          trials: 2,
        });
        await store.append('sresume0', [graded(answered('kettle-01')), graded(answered('kettle-03'))]);
        const end = await store.finish('sresume0', VALID);
        expect(end).toMatchObject({
          state: 'finished',
          trials: 4,
          answered: 3,
          failed: 1,
          skipped: 0,
          calls: 5,
        });
      });
    });

    it('takes grades for what a judge left ungraded, and for nothing else', async () => {
      const { store } = held.current;
      await store.begin(newSnapshot('sregrade', suite));
      await store.append('sregrade', [
        graded(answered('kettle-01', 0), [ungraded('tone')]),
        graded(answered('kettle-01', 1), [scored('tone', false)]),
        graded(failed('kettle-02')),
      ]);
      const late = { ...graded(answered('kettle-01', 0), [scored('tone', true)]), judgeCostUsd: 0.25 };
      await store.regrade('sregrade', [late]);
      expect(await collect(store.trials('sregrade', 'kettle-01'))).toEqual([
        late,
        graded(answered('kettle-01', 1), [scored('tone', false)]),
      ]);
      expect((await store.list())[0]).toMatchObject({
        trials: 3,
        answered: 2,
        ungraded: 0,
        passRate: 0.5,
      });
      // All of a batch or nothing: the first of these two could be taken, the second has its grade.
      await store.append('sregrade', [graded(answered('kettle-03'), [ungraded('tone')])]);
      const batch = [
        graded(answered('kettle-03'), [scored('tone', true)]),
        graded(answered('kettle-01', 1), [scored('tone', true)]),
      ];
      expect((await refusal(store.regrade('sregrade', batch))).code).toBe('TRIAL_EXISTS');
      expect((await refusal(store.regrade('sregrade', [graded(answered('kettle-02'))]))).code).toBe(
        'TRIAL_EXISTS',
      );
      expect((await store.list())[0]).toMatchObject({ trials: 4, ungraded: 1, passRate: 0.5 });
      // The counters are kept by what changes; counting all trials anew, as closing does, comes to the same.
      const priced = (
        trial: number,
        costUsd: number | null,
        judgeCostUsd: number | null,
        grade = ungraded('tone'),
      ) => ({
        ...graded(answered('kettle-02', trial + 1, { costUsd }), [grade]),
        judgeCostUsd,
      });
      await store.append('sregrade', [priced(0, 0.1, null), priced(1, null, 0.3), priced(2, 0.7, 0.1)]);
      const unpriced = (await store.list())[0];
      expect(unpriced).toMatchObject({ costUsd: null, judgeCostUsd: null, ungraded: 4 });
      await store.regrade('sregrade', [
        priced(0, 0.1, 0.25, scored('tone', true)),
        priced(1, 0.2, 0.3, scored('tone', false)),
        priced(2, 0.7, 0.4),
      ]);
      const counted = (await store.list())[0];
      expect(counted).toMatchObject({ trials: 7, answered: 6, ungraded: 2, passRate: 0.5 });
      expect(counted?.costUsd).not.toBeNull();
      const closed = await store.finish('sregrade', VALID);
      const numbers = ({
        trials,
        answered,
        failed,
        ungraded,
        calls,
        passRate,
        meanScore,
      }: SnapshotSummary) => ({
        trials,
        answered,
        failed,
        ungraded,
        calls,
        passRate,
        meanScore,
      });
      expect(numbers(closed)).toEqual(numbers(counted as SnapshotSummary));
      expect(counted?.costUsd).toBeCloseTo(closed.costUsd ?? -1, 12);
      expect(counted?.judgeCostUsd).toBeCloseTo(closed.judgeCostUsd ?? -1, 12);
      expect((await refusal(store.regrade('sregrade', [late]))).code).toBe('SNAPSHOT_FINISHED');
    });

    it('stores text no encoding can hold as the nearest text, and loses nothing around it', async () => {
      const { store } = held.current;
      await store.begin(newSnapshot('shostile', suite));
      const text = `lone \ud800 surrogate ${'<script>'.repeat(40)}`;
      await store.append('shostile', [
        graded(answered('kettle-01', 0, { output: { text, toolCalls: [] }, sent: { messages: [text] } }), [
          scored('names-refund', true, { reason: `it says "${text}"` }),
        ]),
      ]);
      const [stored] = await collect(store.trials('shostile'));
      expect(stored?.trial).toMatchObject({
        output: { text: text.toWellFormed() },
        sent: { messages: [text.toWellFormed()] },
      });
      expect(stored?.grades[0]?.reason).toBe(`it says "${text.toWellFormed()}"`);
    });

    it('keeps one vector for each embedder and distinct answer, and none of a text it does not have', async () => {
      const { store } = held.current;
      const told = (text: string) => ({ text, toolCalls: [] });
      const [same, own, withheld] = [told('On its way.'), told('We refund.'), told('Not kept.')] as const;
      const hash = (output: unknown) => contentHash(output as never);
      await store.begin(newSnapshot('svectors', suite));
      await store.append('svectors', [
        graded(answered('kettle-01', 0, { output: same })),
        graded(answered('kettle-01', 1, { output: same })),
        graded(answered('kettle-02', 0, { output: own })),
        graded(
          answered('kettle-03', 0, {
            output: { text: '', toolCalls: [] },
            removedOutputHash: hash(withheld),
          }),
          [],
        ),
      ]);
      expect(await store.vectorCounts('svectors')).toEqual([]);
      const vectors = new Map([
        [hash(same), Float32Array.of(0.1, -2, 3e-30)],
        [hash(own), new Float32Array(0)],
        [hash(withheld), Float32Array.of(1, 1, 1)],
        [hash({ text: 'never said', toolCalls: [] }), Float32Array.of(1, 1, 1)],
      ]);
      await store.keepVectors('small', vectors);
      // The first one stays, whoever makes another.
      await store.keepVectors('small', new Map([[hash(same), Float32Array.of(9, 9, 9)]]));
      await store.keepVectors('large', new Map([[hash(own), Float32Array.of(4)]]));
      expect(await store.vectorCounts('svectors')).toEqual([
        { embedder: 'small', trials: 3 },
        { embedder: 'large', trials: 1 },
      ]);
      const found = new Map(await collect(store.vectors('svectors', 'small')));
      expect(found).toEqual(new Map([...vectors].slice(0, 2)));
      expect(await store.vectorOf('small', hash(same))).toEqual(Float32Array.of(0.1, -2, 3e-30));
      expect(await store.vectorOf('large', hash(same))).toBeUndefined();
      expect(await store.vectorOf('small', hash(withheld))).toBeUndefined();
    });

    it('keeps trials that several callers append at once', async () => {
      const { store } = held.current;
      const wide = refundSuite(Array.from({ length: 40 }, (_, i) => refundCase(`case-${i}`)));
      await store.begin(newSnapshot('sparalle', wide));
      await Promise.all(wide.cases.map((c) => store.append('sparalle', [graded(answered(c.id))])));
      expect((await store.list())[0]).toMatchObject({ trials: 40, answered: 40, passRate: 1 });
    });
  });
}
