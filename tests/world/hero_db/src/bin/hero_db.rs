use std::process::ExitCode;

fn main() -> ExitCode {
    if hero_db::answered_version("hero_db") {
        return ExitCode::SUCCESS;
    }
    match hero_db::health("rpc") {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hero_db: hero_db_server does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}
