-- title: Errors of flows
-- unit: errors
-- description: Errors that n8n's flows reported in the range, newest first.
-- shape: table
-- columns: reported_at=moment
SELECT reported_at, workflow, node, message, execution_id FROM flow_errors
WHERE reported_at >= {{from_start}} AND reported_at < {{after_end}} ORDER BY reported_at DESC, id DESC LIMIT 100
