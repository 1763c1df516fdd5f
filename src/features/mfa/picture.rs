//! A QR code as SVG: one path, no script, no style, nothing from elsewhere. It shows as an `img` under any policy.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::{error::Result, security::secret::Secret};

/// Squares of white around it, which scanners need (ISO/IEC 18004).
const MARGIN: i32 = 4;
/// Characters: more than the longest address at the longest host takes.
pub const LONGEST: usize = 131_072;

pub fn of(text: &Secret<String>) -> Result<Secret<String>> {
    // Low: a screen has no dirt on it, and fewer squares scan more easily.
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Low);
    let code = code.map_err(|_| anyhow::anyhow!("more than a QR code holds"))?;
    // Room for all of it at once: a text that grew would leave a part of itself behind in memory.
    let mut svg = String::with_capacity(LONGEST);
    draw(&code, &mut svg).map_err(anyhow::Error::from)?;
    Ok(Secret::new(svg))
}

fn draw(code: &QrCode, svg: &mut String) -> std::fmt::Result {
    let width = code.size() + 2 * MARGIN;
    write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {width}" shape-rendering="crispEdges">"#
    )?;
    write!(svg, r##"<path fill="#fff" d="M0 0h{width}v{width}H0z"/><path d=""##)?;
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            if run > 0 {
                write!(svg, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN)?;
            }
            x += i32::try_from(run).unwrap_or(code.size()) + 1;
        }
    }
    write!(svg, r#""/></svg>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of 253 characters, twice, and an address of 254 that has to be escaped throughout.
    #[test]
    fn the_longest_account_has_a_picture_within_what_is_published() {
        let text =
            format!("otpauth://totp/{0}:{1}?secret={2}&issuer={0}", "h".repeat(253), "%40".repeat(254), "A".repeat(80));
        let svg = of(&Secret::new(text)).unwrap();
        assert!(svg.expose().len() < LONGEST, "{}", svg.expose().len());
    }

    #[test]
    fn the_picture_is_squares_and_nothing_else_and_shows_each_square_of_the_code() {
        let text = "otpauth://totp/x";
        let svg = of(&Secret::new(text.to_owned())).unwrap();
        let form = regex::Regex::new(
            r##"^<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \d+ \d+" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h\d+v\d+H0z"/><path d="(M\d+ \d+h\d+v1h-\d+z)+"/></svg>$"##,
        );
        assert!(form.unwrap().is_match(svg.expose()), "{}", svg.expose());
        let code = QrCode::encode_text(text, QrCodeEcc::Low).unwrap();
        let run = regex::Regex::new(r"M(\d+) (\d+)h(\d+)v1").unwrap();
        let drawn: Vec<_> = run
            .captures_iter(svg.expose())
            .flat_map(|run| {
                let [x, y, length] = [1, 2, 3].map(|part| run[part].parse::<i32>().unwrap());
                (x..x + length).map(move |x| (x - MARGIN, y - MARGIN))
            })
            .collect();
        let squares: Vec<_> = (0..code.size())
            .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
            .filter(|(x, y)| code.get_module(*x, *y))
            .collect();
        assert_eq!(drawn, squares);
    }
}
