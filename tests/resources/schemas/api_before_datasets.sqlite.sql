BEGIN TRANSACTION;
CREATE TABLE comment_edits (
	sequence INTEGER NOT NULL, 
	comment VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL, 
	written_at BIGINT NOT NULL, 
	written_by VARCHAR(255) NOT NULL, 
	PRIMARY KEY (sequence), 
	FOREIGN KEY(comment) REFERENCES comments (id)
);
CREATE TABLE comment_events (
	sequence INTEGER NOT NULL, 
	comment VARCHAR(32) NOT NULL, 
	target VARCHAR(512) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	PRIMARY KEY (sequence), 
	FOREIGN KEY(comment) REFERENCES comments (id)
);
INSERT INTO "comment_events" VALUES(1,'ef4f188311e538f0','notebook:skip.ipynb','created');
CREATE TABLE comments (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	target VARCHAR(512) NOT NULL, 
	parent VARCHAR(32), 
	author VARCHAR(255) NOT NULL, 
	body TEXT NOT NULL, 
	html TEXT NOT NULL, 
	mentions TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	edited_at BIGINT, 
	edited_by VARCHAR(255), 
	deleted_at BIGINT, 
	PRIMARY KEY (sequence), 
	UNIQUE (id), 
	FOREIGN KEY(parent) REFERENCES comments (id)
);
INSERT INTO "comments" VALUES(1,'ef4f188311e538f0','notebook:skip.ipynb',NULL,'ada','skip or last?','<p>skip or last?</p>
','[]',1795156220000000000,NULL,NULL,NULL);
CREATE TABLE fetches (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	dataset VARCHAR(64) NOT NULL, 
	asked TEXT NOT NULL, 
	open_as VARCHAR(64), 
	state VARCHAR(16) NOT NULL, 
	calls INTEGER NOT NULL, 
	calls_done INTEGER NOT NULL, 
	parts INTEGER NOT NULL, 
	parts_done INTEGER NOT NULL, 
	rows BIGINT NOT NULL, 
	seconds_left FLOAT, 
	imports TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	error TEXT, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	cancel_asked_at BIGINT, 
	PRIMARY KEY (sequence), 
	UNIQUE (id), 
	UNIQUE (open_as)
);
CREATE TABLE firings (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	schedule VARCHAR(32), 
	slot BIGINT, 
	kind VARCHAR(16) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	notebook TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	output TEXT NOT NULL, 
	timeout INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	detail TEXT NOT NULL, 
	runs TEXT NOT NULL, 
	cells INTEGER, 
	cells_done INTEGER, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	cancel_asked_at BIGINT, 
	PRIMARY KEY (sequence), 
	CONSTRAINT one_firing_a_slot UNIQUE (schedule, slot), 
	UNIQUE (id), 
	FOREIGN KEY(schedule) REFERENCES schedules (id)
);
CREATE TABLE idempotency_keys (
	sequence INTEGER NOT NULL, 
	user VARCHAR(255) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	request VARCHAR(64) NOT NULL, 
	status INTEGER, 
	answer TEXT, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (sequence), 
	UNIQUE (user, "key")
);
CREATE TABLE ingests (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	fetch VARCHAR(32) NOT NULL, 
	firing VARCHAR(32), 
	created_at BIGINT NOT NULL, 
	cancelled_at BIGINT, 
	PRIMARY KEY (sequence), 
	UNIQUE (id), 
	FOREIGN KEY(fetch) REFERENCES fetches (id), 
	UNIQUE (firing)
);
CREATE TABLE notifications (
	sequence INTEGER NOT NULL, 
	user VARCHAR(255) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	about TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	read_at BIGINT, 
	PRIMARY KEY (sequence)
);
CREATE TABLE runs (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	spec_id VARCHAR(64) NOT NULL, 
	family TEXT NOT NULL, 
	strategy TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	user VARCHAR(255) NOT NULL, 
	started_at BIGINT NOT NULL, 
	sharpe_per_period FLOAT, 
	record TEXT NOT NULL, 
	PRIMARY KEY (sequence), 
	UNIQUE (id)
);
CREATE TABLE schedule_faults (
	schedule VARCHAR(32) NOT NULL, 
	detail TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	again_at BIGINT NOT NULL, 
	PRIMARY KEY (schedule), 
	FOREIGN KEY(schedule) REFERENCES schedules (id)
);
CREATE TABLE schedules (
	sequence INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	notebook TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	cron VARCHAR(128) NOT NULL, 
	timezone VARCHAR(64) NOT NULL, 
	catch_up VARCHAR(8) NOT NULL, 
	overlap VARCHAR(8) NOT NULL, 
	timeout INTEGER NOT NULL, 
	output TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	paused_at BIGINT, 
	deleted_at BIGINT, 
	decided_until BIGINT NOT NULL, 
	next_at BIGINT, 
	PRIMARY KEY (sequence), 
	UNIQUE (id)
);
INSERT INTO "schedules" VALUES(1,'ad439a81498c7d54','ada','skip.ipynb','{"fast": 0}','0 * * * *','America/New_York','skip','skip',3600,'scheduled/{notebook}-{date}-{time}-{firing}.ipynb',1795156220000000000,1795156220000000000,NULL,NULL,1795156220000000000,1795158000000000000);
INSERT INTO "schedules" VALUES(2,'0321b7759c1d5ad7','ada','last.ipynb','{"fast": 1}','0 * * * *','America/New_York','last','skip',3600,'scheduled/{notebook}-{date}-{time}-{firing}.ipynb',1795156220000000000,1795156220000000000,NULL,NULL,1795156220000000000,1795158000000000000);
INSERT INTO "schedules" VALUES(3,'5666461799f1fbfa','ada','all.ipynb','{"fast": 2}','0 * * * *','America/New_York','all','skip',3600,'scheduled/{notebook}-{date}-{time}-{firing}.ipynb',1795156220000000000,1795156220000000000,NULL,NULL,1795156220000000000,1795158000000000000);
INSERT INTO "schedules" VALUES(4,'28636a56a9182dde','bob','gone.ipynb','{}','0 * * * *','UTC','last','skip',3600,'scheduled/{notebook}-{date}-{time}-{firing}.ipynb',1795156220000000000,1795156220000000000,NULL,1795156220000000000,1795156220000000000,NULL);
CREATE TABLE workers (
	id VARCHAR(32) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	process INTEGER NOT NULL, 
	born BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX comments_of_a_parent ON comments (parent);
CREATE INDEX comments_of_a_target ON comments (target, sequence);
CREATE INDEX notifications_of_a_user ON notifications (user, sequence);
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX fetches_in_a_state ON fetches (state, sequence);
CREATE INDEX schedules_of_an_owner ON schedules (owner, sequence);
CREATE INDEX ix_schedules_next_at ON schedules (next_at);
CREATE INDEX runs_of_a_family ON runs (family);
CREATE INDEX ix_runs_spec_id ON runs (spec_id);
CREATE INDEX runs_of_a_user ON runs (user, sequence);
CREATE TRIGGER runs_stay_update BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'the ledger changes nothing'); END;
CREATE TRIGGER runs_stay_delete BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'the ledger changes nothing'); END;
CREATE INDEX ix_comment_edits_comment ON comment_edits (comment);
CREATE INDEX ingests_of_an_owner ON ingests (owner, sequence);
CREATE INDEX ix_ingests_fetch ON ingests (fetch);
CREATE INDEX firings_of_an_owner ON firings (owner, sequence);
CREATE INDEX firings_in_a_state ON firings (state, schedule, sequence);
COMMIT;
