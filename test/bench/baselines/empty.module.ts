import { Controller, HttpCode, HttpStatus, Module, Post } from '@nestjs/common';

@Controller()
class EmptyController {
  @Post('refresh_token')
  @HttpCode(HttpStatus.OK)
  refresh(): object {
    return {};
  }
}

/** A Nest application that does nothing. */
@Module({ controllers: [EmptyController] })
export class EmptyModule {}
