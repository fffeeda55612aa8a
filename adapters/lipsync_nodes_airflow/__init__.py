"""The Airflow provider of lipsync-nodes, thin over the core: how an Airflow task asks for a video and gets its URL.

hooks         LipsyncHook          a connection of type `lipsync` → a client of the core
operators     Lipsync…Operator     one for each row of the core's catalogue: submit, wait, save
sensors       LipsyncJobSensor     wait for a job that another task submitted
triggers      LipsyncJobTrigger    wait in the triggerer
links         LipsyncJobLink       the button of a task in the UI
journal       journal_of           where submissions are recorded: Airflow's own state of the task, or the host's ledger
provider_info                      what Airflow reads at each start; it imports nothing

Importing this package imports nothing, so that no fault of it can stop an `airflow` command.
"""
