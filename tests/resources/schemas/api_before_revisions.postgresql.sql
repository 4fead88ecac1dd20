SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.run_strategies_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger changes nothing'; END $$;
CREATE FUNCTION public.run_trials_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger changes nothing'; END $$;
CREATE FUNCTION public.runs_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger changes nothing'; END $$;
CREATE FUNCTION public.strategies_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger changes nothing'; END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.comment_edits (
    sequence bigint NOT NULL,
    comment character varying(32) NOT NULL,
    body text NOT NULL,
    written_at bigint NOT NULL,
    written_by character varying(255) NOT NULL
);
CREATE SEQUENCE public.comment_edits_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.comment_edits_sequence_seq OWNED BY public.comment_edits.sequence;
CREATE TABLE public.comment_events (
    sequence bigint NOT NULL,
    comment character varying(32) NOT NULL,
    target character varying(512) NOT NULL,
    kind character varying(16) NOT NULL
);
CREATE SEQUENCE public.comment_events_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.comment_events_sequence_seq OWNED BY public.comment_events.sequence;
CREATE TABLE public.comments (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    target character varying(512) NOT NULL,
    parent character varying(32),
    author character varying(255) NOT NULL,
    body text NOT NULL,
    html text NOT NULL,
    mentions json NOT NULL,
    created_at bigint NOT NULL,
    edited_at bigint,
    edited_by character varying(255),
    deleted_at bigint
);
CREATE SEQUENCE public.comments_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.comments_sequence_seq OWNED BY public.comments.sequence;
CREATE TABLE public.fetches (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    provider character varying(64) NOT NULL,
    dataset character varying(64) NOT NULL,
    asked json NOT NULL,
    open_as character varying(64),
    state character varying(16) NOT NULL,
    calls integer NOT NULL,
    calls_done integer NOT NULL,
    parts integer NOT NULL,
    parts_done integer NOT NULL,
    rows bigint NOT NULL,
    seconds_left double precision,
    imports json NOT NULL,
    tries integer NOT NULL,
    turn integer DEFAULT 0 NOT NULL,
    line_at bigint DEFAULT '0'::bigint NOT NULL,
    error json,
    created_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    cancel_asked_at bigint
);
CREATE SEQUENCE public.fetches_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.fetches_sequence_seq OWNED BY public.fetches.sequence;
CREATE TABLE public.firings (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    schedule character varying(32),
    slot bigint,
    kind character varying(16) NOT NULL,
    owner character varying(255) NOT NULL,
    notebook text NOT NULL,
    parameters json NOT NULL,
    output text NOT NULL,
    timeout integer NOT NULL,
    state character varying(16) NOT NULL,
    detail text NOT NULL,
    runs json NOT NULL,
    cells integer,
    cells_done integer,
    created_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    cancel_asked_at bigint,
    dataset character varying(64) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE public.firings_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.firings_sequence_seq OWNED BY public.firings.sequence;
CREATE TABLE public.idempotency_keys (
    sequence bigint NOT NULL,
    "user" character varying(255) NOT NULL,
    key character varying(128) NOT NULL,
    request character varying(64) NOT NULL,
    status integer,
    answer text,
    created_at bigint NOT NULL
);
CREATE SEQUENCE public.idempotency_keys_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.idempotency_keys_sequence_seq OWNED BY public.idempotency_keys.sequence;
CREATE TABLE public.ingests (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    owner character varying(255) NOT NULL,
    "fetch" character varying(32) NOT NULL,
    firing character varying(32),
    created_at bigint NOT NULL,
    cancelled_at bigint
);
CREATE SEQUENCE public.ingests_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ingests_sequence_seq OWNED BY public.ingests.sequence;
CREATE TABLE public.notifications (
    sequence bigint NOT NULL,
    "user" character varying(255) NOT NULL,
    kind character varying(32) NOT NULL,
    text text NOT NULL,
    about json NOT NULL,
    created_at bigint NOT NULL,
    read_at bigint
);
CREATE SEQUENCE public.notifications_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.notifications_sequence_seq OWNED BY public.notifications.sequence;
CREATE TABLE public.run_strategies (
    sequence bigint NOT NULL,
    key character varying(64) NOT NULL
);
CREATE TABLE public.run_trials (
    sequence bigint NOT NULL,
    trial character varying(64) NOT NULL
);
CREATE TABLE public.runs (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    spec_id character varying(64) NOT NULL,
    family text NOT NULL,
    strategy text NOT NULL,
    status character varying(16) NOT NULL,
    purpose character varying(16) NOT NULL,
    "user" character varying(255) NOT NULL,
    started_at bigint NOT NULL,
    sharpe_per_period double precision,
    record text NOT NULL
);
CREATE SEQUENCE public.runs_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_sequence_seq OWNED BY public.runs.sequence;
CREATE TABLE public.schedule_faults (
    schedule character varying(32) NOT NULL,
    detail text NOT NULL,
    since bigint NOT NULL,
    again_at bigint NOT NULL
);
CREATE TABLE public.schedules (
    sequence bigint NOT NULL,
    id character varying(32) NOT NULL,
    owner character varying(255) NOT NULL,
    notebook text NOT NULL,
    parameters json NOT NULL,
    cron character varying(128) NOT NULL,
    timezone character varying(64) NOT NULL,
    catch_up character varying(8) NOT NULL,
    overlap character varying(8) NOT NULL,
    timeout integer NOT NULL,
    output text NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    paused_at bigint,
    deleted_at bigint,
    decided_until bigint NOT NULL,
    next_at bigint,
    dataset character varying(64) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE public.schedules_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.schedules_sequence_seq OWNED BY public.schedules.sequence;
CREATE TABLE public.strategies (
    place bigint NOT NULL,
    key character varying(64) NOT NULL,
    family text NOT NULL,
    run character varying(32) NOT NULL,
    shingles bytea NOT NULL,
    similar_to character varying(32) NOT NULL,
    similarity double precision
);
CREATE SEQUENCE public.strategies_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.strategies_place_seq OWNED BY public.strategies.place;
CREATE TABLE public.workers (
    id character varying(32) NOT NULL,
    host character varying(255) NOT NULL,
    process integer NOT NULL,
    born bigint NOT NULL,
    seen_at bigint NOT NULL
);
ALTER TABLE ONLY public.comment_edits ALTER COLUMN sequence SET DEFAULT nextval('public.comment_edits_sequence_seq'::regclass);
ALTER TABLE ONLY public.comment_events ALTER COLUMN sequence SET DEFAULT nextval('public.comment_events_sequence_seq'::regclass);
ALTER TABLE ONLY public.comments ALTER COLUMN sequence SET DEFAULT nextval('public.comments_sequence_seq'::regclass);
ALTER TABLE ONLY public.fetches ALTER COLUMN sequence SET DEFAULT nextval('public.fetches_sequence_seq'::regclass);
ALTER TABLE ONLY public.firings ALTER COLUMN sequence SET DEFAULT nextval('public.firings_sequence_seq'::regclass);
ALTER TABLE ONLY public.idempotency_keys ALTER COLUMN sequence SET DEFAULT nextval('public.idempotency_keys_sequence_seq'::regclass);
ALTER TABLE ONLY public.ingests ALTER COLUMN sequence SET DEFAULT nextval('public.ingests_sequence_seq'::regclass);
ALTER TABLE ONLY public.notifications ALTER COLUMN sequence SET DEFAULT nextval('public.notifications_sequence_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN sequence SET DEFAULT nextval('public.runs_sequence_seq'::regclass);
ALTER TABLE ONLY public.schedules ALTER COLUMN sequence SET DEFAULT nextval('public.schedules_sequence_seq'::regclass);
ALTER TABLE ONLY public.strategies ALTER COLUMN place SET DEFAULT nextval('public.strategies_place_seq'::regclass);
INSERT INTO public.comment_events VALUES (1, '462e3aee5091140f', 'notebook:skip.ipynb', 'created');
INSERT INTO public.comments VALUES (1, '462e3aee5091140f', 'notebook:skip.ipynb', NULL, 'ada', 'skip or last?', '<p>skip or last?</p>
', '[]', 1795156220000000000, NULL, NULL, NULL);
INSERT INTO public.schedules VALUES (1, '4e6ca52bafaabcbc', 'ada', 'skip.ipynb', '{"fast": 0}', '0 * * * *', 'America/New_York', 'skip', 'skip', 3600, 'scheduled/{notebook}-{date}-{time}-{firing}.ipynb', 1795156220000000000, 1795156220000000000, NULL, NULL, 1795156220000000000, 1795158000000000000, '');
INSERT INTO public.schedules VALUES (2, 'ead5af409242c821', 'ada', 'last.ipynb', '{"fast": 1}', '0 * * * *', 'America/New_York', 'last', 'skip', 3600, 'scheduled/{notebook}-{date}-{time}-{firing}.ipynb', 1795156220000000000, 1795156220000000000, NULL, NULL, 1795156220000000000, 1795158000000000000, '');
INSERT INTO public.schedules VALUES (3, '26def46ad32c50f6', 'ada', 'all.ipynb', '{"fast": 2}', '0 * * * *', 'America/New_York', 'all', 'skip', 3600, 'scheduled/{notebook}-{date}-{time}-{firing}.ipynb', 1795156220000000000, 1795156220000000000, NULL, NULL, 1795156220000000000, 1795158000000000000, '');
INSERT INTO public.schedules VALUES (4, 'e8e79c284fa7c0b1', 'bob', 'gone.ipynb', '{}', '0 * * * *', 'UTC', 'last', 'skip', 3600, 'scheduled/{notebook}-{date}-{time}-{firing}.ipynb', 1795156220000000000, 1795156220000000000, NULL, 1795156220000000000, 1795156220000000000, NULL, '');
SELECT pg_catalog.setval('public.comment_edits_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.comment_events_sequence_seq', 1, true);
SELECT pg_catalog.setval('public.comments_sequence_seq', 1, true);
SELECT pg_catalog.setval('public.fetches_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.firings_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.idempotency_keys_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.ingests_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.notifications_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.runs_sequence_seq', 1, false);
SELECT pg_catalog.setval('public.schedules_sequence_seq', 4, true);
SELECT pg_catalog.setval('public.strategies_place_seq', 1, false);
ALTER TABLE ONLY public.comment_edits
    ADD CONSTRAINT comment_edits_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.comment_events
    ADD CONSTRAINT comment_events_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_id_key UNIQUE (id);
ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.fetches
    ADD CONSTRAINT fetches_id_key UNIQUE (id);
ALTER TABLE ONLY public.fetches
    ADD CONSTRAINT fetches_open_as_key UNIQUE (open_as);
ALTER TABLE ONLY public.fetches
    ADD CONSTRAINT fetches_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.firings
    ADD CONSTRAINT firings_id_key UNIQUE (id);
ALTER TABLE ONLY public.firings
    ADD CONSTRAINT firings_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_key_key UNIQUE ("user", key);
ALTER TABLE ONLY public.ingests
    ADD CONSTRAINT ingests_firing_key UNIQUE (firing);
ALTER TABLE ONLY public.ingests
    ADD CONSTRAINT ingests_id_key UNIQUE (id);
ALTER TABLE ONLY public.ingests
    ADD CONSTRAINT ingests_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.firings
    ADD CONSTRAINT one_firing_a_slot UNIQUE (schedule, slot);
ALTER TABLE ONLY public.run_strategies
    ADD CONSTRAINT run_strategies_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.run_trials
    ADD CONSTRAINT run_trials_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_id_key UNIQUE (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.schedule_faults
    ADD CONSTRAINT schedule_faults_pkey PRIMARY KEY (schedule);
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_id_key UNIQUE (id);
ALTER TABLE ONLY public.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.strategies
    ADD CONSTRAINT strategies_key_key UNIQUE (key);
ALTER TABLE ONLY public.strategies
    ADD CONSTRAINT strategies_pkey PRIMARY KEY (place);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);
CREATE INDEX comments_of_a_parent ON public.comments USING btree (parent);
CREATE INDEX comments_of_a_target ON public.comments USING btree (target, sequence);
CREATE INDEX fetches_in_a_state ON public.fetches USING btree (state, sequence);
CREATE INDEX firings_in_a_state ON public.firings USING btree (state, schedule, sequence);
CREATE INDEX firings_of_an_owner ON public.firings USING btree (owner, sequence);
CREATE INDEX ingests_of_an_owner ON public.ingests USING btree (owner, sequence);
CREATE INDEX ix_comment_edits_comment ON public.comment_edits USING btree (comment);
CREATE INDEX ix_idempotency_keys_created_at ON public.idempotency_keys USING btree (created_at);
CREATE INDEX ix_ingests_fetch ON public.ingests USING btree ("fetch");
CREATE INDEX ix_run_strategies_key ON public.run_strategies USING btree (key);
CREATE INDEX ix_runs_spec_id ON public.runs USING btree (spec_id);
CREATE INDEX ix_schedules_next_at ON public.schedules USING btree (next_at);
CREATE INDEX notifications_of_a_user ON public.notifications USING btree ("user", sequence);
CREATE INDEX runs_of_a_user ON public.runs USING btree ("user", sequence);
CREATE INDEX schedules_of_an_owner ON public.schedules USING btree (owner, sequence);
CREATE INDEX strategies_of_a_family ON public.strategies USING btree (family);
CREATE TRIGGER run_strategies_stay BEFORE DELETE OR UPDATE ON public.run_strategies FOR EACH ROW EXECUTE FUNCTION public.run_strategies_stay();
CREATE TRIGGER run_strategies_stay_whole BEFORE TRUNCATE ON public.run_strategies FOR EACH STATEMENT EXECUTE FUNCTION public.run_strategies_stay();
CREATE TRIGGER run_trials_stay BEFORE DELETE OR UPDATE ON public.run_trials FOR EACH ROW EXECUTE FUNCTION public.run_trials_stay();
CREATE TRIGGER run_trials_stay_whole BEFORE TRUNCATE ON public.run_trials FOR EACH STATEMENT EXECUTE FUNCTION public.run_trials_stay();
CREATE TRIGGER runs_stay BEFORE DELETE OR UPDATE ON public.runs FOR EACH ROW EXECUTE FUNCTION public.runs_stay();
CREATE TRIGGER runs_stay_whole BEFORE TRUNCATE ON public.runs FOR EACH STATEMENT EXECUTE FUNCTION public.runs_stay();
CREATE TRIGGER strategies_stay BEFORE DELETE OR UPDATE ON public.strategies FOR EACH ROW EXECUTE FUNCTION public.strategies_stay();
CREATE TRIGGER strategies_stay_whole BEFORE TRUNCATE ON public.strategies FOR EACH STATEMENT EXECUTE FUNCTION public.strategies_stay();
ALTER TABLE ONLY public.comment_edits
    ADD CONSTRAINT comment_edits_comment_fkey FOREIGN KEY (comment) REFERENCES public.comments(id);
ALTER TABLE ONLY public.comment_events
    ADD CONSTRAINT comment_events_comment_fkey FOREIGN KEY (comment) REFERENCES public.comments(id);
ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_parent_fkey FOREIGN KEY (parent) REFERENCES public.comments(id);
ALTER TABLE ONLY public.firings
    ADD CONSTRAINT firings_schedule_fkey FOREIGN KEY (schedule) REFERENCES public.schedules(id);
ALTER TABLE ONLY public.ingests
    ADD CONSTRAINT ingests_fetch_fkey FOREIGN KEY ("fetch") REFERENCES public.fetches(id);
ALTER TABLE ONLY public.schedule_faults
    ADD CONSTRAINT schedule_faults_schedule_fkey FOREIGN KEY (schedule) REFERENCES public.schedules(id);
