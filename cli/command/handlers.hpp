// SPDX-License-Identifier: Apache-2.0
// The functions behind the rows of the command table, one file a noun. Each returns the exit code and throws Error.
#pragma once

#include "cli/command_table.hpp"

namespace tally::cli {

int show_status(Context& context, const Arguments& arguments);
int trigger_run(Context& context, const Arguments& arguments);
int explain_wait(Context& context, const Arguments& arguments);
int export_snapshots(Context& context, const Arguments& arguments);
int show_coverage(Context& context, const Arguments& arguments);
int show_numbers(Context& context, const Arguments& arguments);
int show_top(Context& context, const Arguments& arguments);
int explain_number(Context& context, const Arguments& arguments);

int build_report(Context& context, const Arguments& arguments);
int get_report(Context& context, const Arguments& arguments);
int list_reports(Context& context, const Arguments& arguments);
int send_report(Context& context, const Arguments& arguments);

int add_user(Context& context, const Arguments& arguments);
int set_user(Context& context, const Arguments& arguments);
int list_users(Context& context, const Arguments& arguments);
int show_user(Context& context, const Arguments& arguments);
int remove_user(Context& context, const Arguments& arguments);
int import_users(Context& context, const Arguments& arguments);

int authorize_connection(Context& context, const Arguments& arguments);
int add_connection(Context& context, const Arguments& arguments);
int list_connections(Context& context, const Arguments& arguments);
int show_connection(Context& context, const Arguments& arguments);
int check_connection(Context& context, const Arguments& arguments);
int pause_connection(Context& context, const Arguments& arguments);
int resume_connection(Context& context, const Arguments& arguments);
int remove_connection(Context& context, const Arguments& arguments);

int list_jobs(Context& context, const Arguments& arguments);
int show_job(Context& context, const Arguments& arguments);

int list_alerts(Context& context, const Arguments& arguments);
int ack_alert(Context& context, const Arguments& arguments);
int test_alerts(Context& context, const Arguments& arguments);

int list_duties(Context& context, const Arguments& arguments);
int run_duty(Context& context, const Arguments& arguments);

int show_budget(Context& context, const Arguments& arguments);

int list_platforms(Context& context, const Arguments& arguments);
int show_platform(Context& context, const Arguments& arguments);
int check_platform(Context& context, const Arguments& arguments);
int forecast_platforms(Context& context, const Arguments& arguments);
int run_platform(Context& context, const Arguments& arguments);

int preview_schedule(Context& context, const Arguments& arguments);

int check_config(Context& context, const Arguments& arguments);
int show_config(Context& context, const Arguments& arguments);

int migrate_database(Context& context, const Arguments& arguments);
int show_database(Context& context, const Arguments& arguments);

int examine_all(Context& context, const Arguments& arguments);
int print_completion(Context& context, const Arguments& arguments);

}  // namespace tally::cli
